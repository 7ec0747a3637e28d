// What a training step is to learn of each image: one class or a mixture of two, smoothed or not.

/// The targets of a batch, as probabilities of the classes.
///
/// With the first label `a`, the second `b`, the share `λ` and the smoothing `ε`, an image's target is
/// `(1 − ε) · (λ · onehot(a) + (1 − λ) · onehot(b)) + ε / classes`; without second labels λ is 1. Its loss is
/// the cross-entropy of that with the softmax of the logits, which is what PyTorch's `CrossEntropyLoss` computes with
/// `label_smoothing` (Szegedy et al. 2016, <https://arxiv.org/abs/1512.00567>).
///
/// The memory must stay valid and unchanged during the calls that the value is handed to.
public struct Targets {
  /// A class index for each image.
  public let labels: UnsafePointer<Int32>
  /// For images that are mixtures of two, as cutmix makes them.
  public let mixture: Mixture?
  /// The share of the target that is spread evenly over all classes, 0…1.
  public let smoothing: Double

  /// The other half of mixed images.
  public struct Mixture {
    /// A class index for each image: of what was mixed in.
    public let labels: UnsafePointer<Int32>
    /// A number in 0…1 for each image: how much of it is of its first label.
    public let shares: UnsafePointer<Float>

    public init(labels: UnsafePointer<Int32>, shares: UnsafePointer<Float>) {
      self.labels = labels
      self.shares = shares
    }
  }

  /// - Precondition: `smoothing` in 0…1.
  public init(labels: UnsafePointer<Int32>, mixture: Mixture? = nil, smoothing: Double = 0) {
    precondition((0...1).contains(smoothing), "a smoothing of \(smoothing) is outside 0…1")
    self.labels = labels
    self.mixture = mixture
    self.smoothing = smoothing
  }

  /// Throws for labels that are no class and shares outside 0…1.
  func check(count: Int, classes: Int) throws(ConvNetError) {
    func check(_ labels: UnsafePointer<Int32>) throws(ConvNetError) {
      for position in 0..<count where !(0..<Int32(classes) ~= labels[position]) {
        throw .label(Int(labels[position]), position: position, classes: classes)
      }
    }
    try check(labels)
    guard let mixture else { return }
    try check(mixture.labels)
    for position in 0..<count where !(0...1 ~= mixture.shares[position]) {
      throw .share(mixture.shares[position], position: position)
    }
  }

  /// The target of one image as weights of its two labels, before smoothing.
  func weights(of image: Int) -> (first: Int, weight: Double, second: Int) {
    let first = Int(labels[image])
    guard let mixture else { return (first, 1, first) }
    return (first, Double(mixture.shares[image]), Int(mixture.labels[image]))
  }
}
