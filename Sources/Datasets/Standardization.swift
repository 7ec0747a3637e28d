// Shifts and scales pixels to mean 0 and deviation 1, as measured on training images.

/// Mean and deviation per channel, of pixel values scaled to 0…1.
public struct Standardization: Hashable, Sendable {
  /// One per channel, in 0…1.
  public let mean: [Float]
  /// One per channel, above 0.
  public let deviation: [Float]

  /// - Precondition: as many means as deviations; deviations finite and above 0.
  public init(mean: [Float], deviation: [Float]) {
    precondition(mean.count == deviation.count, "\(mean.count) means and \(deviation.count) deviations")
    precondition(
      mean.allSatisfy(\.isFinite) && deviation.allSatisfy { $0.isFinite && $0 > 0 },
      "means must be finite, deviations finite and above 0")
    self.mean = mean
    self.deviation = deviation
  }

  /// Measures all of `images`, or those at `indices`. A channel with one value everywhere gets deviation 1.
  ///
  /// Each value is counted in a histogram first: sums of whole numbers are exact, so the result does not
  /// depend on the order of the images.
  public init(fitting images: LabeledImages, indices: [Int]? = nil) {
    let shape = images.shape
    let plane = shape.height * shape.width
    var histogram = [Int](repeating: 0, count: shape.channels * 256)
    images.pixels.withUnsafeBufferPointer { pixels in
      histogram.withUnsafeMutableBufferPointer { histogram in
        func add(_ index: Int) {
          for channel in 0..<shape.channels {
            let start = index * shape.count + channel * plane
            for element in start..<start + plane { histogram[channel * 256 + Int(pixels[element])] += 1 }
          }
        }
        if let indices { indices.forEach(add) } else { (0..<images.count).forEach(add) }
      }
    }
    var mean: [Float] = []
    var deviation: [Float] = []
    for channel in 0..<shape.channels {
      let counts = histogram[channel * 256..<(channel + 1) * 256]
      let total = Double(max(1, counts.reduce(0, +)))
      let average = zip(0..., counts).reduce(0.0) { $0 + Double($1.0 * $1.1) } / total
      let variance =
        zip(0..., counts).reduce(0.0) { sum, pair in
          let distance = Double(pair.0) - average
          return sum + distance * distance * Double(pair.1)
        } / total
      mean.append(Float(average / 255))
      deviation.append(variance > 0 ? Float(variance.squareRoot() / 255) : 1)
    }
    self.init(mean: mean, deviation: deviation)
  }

  /// What each of the 256 pixel values becomes in `channel`: (value/255 − mean) / deviation.
  func table(channel: Int) -> [Float] {
    (0..<256).map { (Float($0) / 255 - mean[channel]) / deviation[channel] }
  }
}
