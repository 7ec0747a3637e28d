// A network: parameters, and programs for training and inference that share one arena.

/// What one call found.
public struct BatchResult: Sendable, Equatable {
  /// Sum over the batch's images of the cross-entropy with their targets, smoothing included, in nats; not finite
  /// where training diverged.
  public let lossSum: Double
  /// Images whose largest logit is their label's; of two labels, that of the larger share (the first of equals).
  public let correct: Int
  public let count: Int

  public init(lossSum: Double, correct: Int, count: Int) {
    self.lossSum = lossSum
    self.correct = correct
    self.count = count
  }

  /// `lossSum / count`.
  public var meanLoss: Double { lossSum / Double(count) }
}

/// A convolutional classifier with its parameters, gradients and all working memory.
///
/// The operations of a step and the place of every tensor are planned once for a batch count, so steps allocate
/// nothing of their own; another count (the last, partial batch) gets a plan of its own at its first use, which shares
/// parameters, gradients and working memory.
///
/// The same arguments (seed and threads included) and inputs give bit-identical results. A network belongs to
/// one thread at a time.
public final class Network {
  public let architecture: Architecture
  /// Every choice that the architecture leaves, as it is in force.
  public let options: NetworkOptions
  public let input: InputShape
  public let classes: Int
  /// Largest number of images in a step.
  public let batchSize: Int
  public let threads: Int
  /// In the order of PyTorch's `named_parameters()`. All values lie in one slab, all gradients in another.
  public let parameters: [NetworkParameter]
  /// Running statistics, in the order of PyTorch's `named_buffers()`, without `num_batches_tracked`.
  public let buffers: [NetworkBuffer]
  /// Training steps so far. Dropout masks are a function of the seed and this number: restore it to continue
  /// a run bit for bit.
  public var stepCount: UInt64 = 0
  /// Collects how long each operation takes while it is set, which costs a clock reading for each.
  public var profile: StepProfile?
  /// Logits of the last call, `[count, classes]` row by row; valid until the next call.
  public private(set) var logits = UnsafeBufferPointer<Float>(start: nil, count: 0)

  private struct Plan: Hashable {
    let mode: Mode
    let count: Int
  }

  private let reservesMemory: Bool
  private let seed: UInt64
  private let store: ParameterStore
  private let layers: Sequential
  private let device: any Device
  private let team: Threads
  let arena: Arena
  private let step = StepState()
  private var programs: [Plan: (program: Program, logits: Tensor)] = [:]

  /// Makes the network with initial parameters and plans training steps of `batchSize` images.
  ///
  /// Weights start by He's normal initialisation (fan-in; gain √2 before a ReLU, √(2/(1+slope²)) before a
  /// LeakyReLU, 1 for the last layer), biases and norm shifts at 0, norm scales at 1.
  ///
  /// - Parameters:
  ///   - input: 1 or 3 channels of 28x28 or 32x32 are the usual ones; others work where the layers' arithmetic
  ///     leaves something.
  ///   - classes: at least 2.
  ///   - batchSize: largest number of images in a step, at least 1.
  ///   - seed: of the initial parameters and of dropout.
  ///   - threads: at least 1; more than the machine's cores only slows it.
  ///   - options: choices within the architecture.
  ///   - dropout: false leaves dropout out, for comparisons with other implementations.
  ///   - directConvolutions: true computes every convolution by its definition, for comparisons at the limit of
  ///     rounding. Otherwise those that are faster by Winograd's algorithm are computed so; it rounds about twice
  ///     as coarsely.
  ///   - drawsWeights: false leaves the weights at 0, for a caller who sets them all: drawing the numbers of a large
  ///     network takes most of a second.
  ///   - reservesMemory: false plans the working memory without reserving it, for a network that makes no step.
  /// - Throws: `ConvNetError`.
  public init(
    _ architecture: Architecture, input: InputShape, classes: Int, batchSize: Int, seed: UInt64,
    threads: Int, options: NetworkOptions = NetworkOptions(), dropout: Bool = true,
    directConvolutions: Bool = false,
    drawsWeights: Bool = true, reservesMemory: Bool = true
  ) throws {
    try Self.requireRanges(input: input, classes: classes, batchSize: batchSize, threads: threads)
    self.architecture = architecture
    self.input = input
    self.classes = classes
    self.batchSize = batchSize
    self.threads = threads
    self.seed = seed
    self.reservesMemory = reservesMemory
    store = try ParameterStore()
    self.options = try architecture.resolve(options)
    layers = try architecture.layers(
      input: input, classes: classes, options: self.options, dropout: dropout, in: store)
    team = Threads(count: threads)
    team.prepare()
    try store.allocate(seed: seed, drawsWeights: drawsWeights, on: team)
    parameters = store.parameters
    buffers = store.buffers
    arena = try Arena()
    device = try OneDNNDevice(threads: threads, directConvolutions: directConvolutions)
    _ = try program(.training, count: batchSize)
  }

  /// Elements of all parameters together.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.values.count } }

  /// Bytes of working memory (activations, gradients of activations, scratch), shared by all plans.
  public var workingMemoryBytes: Int {
    reservesMemory ? arena.byteCount : programs.values.map(\.program.plannedBytes).max() ?? 0
  }

  /// Forward, loss and backward in training mode. Overwrites every parameter's `gradient` with the derivative
  /// of the mean loss over `count` images, and updates the running statistics; parameters stay as they are.
  ///
  /// - Parameters:
  ///   - images: `[count, channels, height, width]`, row-major.
  ///   - targets: of `count` images.
  ///   - count: 1...batchSize.
  /// - Throws: `ConvNetError`; bad counts and labels are found before anything is computed or changed.
  public func trainStep(images: UnsafePointer<Float>, targets: Targets, count: Int) throws -> BatchResult {
    try run(.training, images: images, targets: targets, count: count, predictions: nil)
  }

  /// The same for plain labels, `count` class indices.
  public func trainStep(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int
  ) throws -> BatchResult {
    try trainStep(images: images, targets: Targets(labels: labels), count: count)
  }

  /// Evaluates the loss of a training step again, with the parameters as they are now: forward, loss and
  /// backward with the same dropout masks. Overwrites gradients and `logits`; the running statistics and `stepCount`
  /// stay as that step left them.
  ///
  /// - Parameters:
  ///   - images: those of that `trainStep`.
  ///   - targets: likewise.
  ///   - count: likewise.
  ///   - stepsBack: which step: 1 is the last, 2 the one before it.
  /// - Throws: `ConvNetError`, as `trainStep`, and when there was no such step.
  public func reevaluate(
    images: UnsafePointer<Float>, targets: Targets, count: Int, stepsBack: Int = 1
  ) throws -> BatchResult {
    guard stepsBack >= 1, stepCount >= UInt64(stepsBack) else { throw ConvNetError.nothingToReevaluate }
    return try run(
      .training, stepsBack: stepsBack, images: images, targets: targets, count: count, predictions: nil)
  }

  /// The same for plain labels and the last step.
  public func reevaluate(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int
  ) throws -> BatchResult {
    try reevaluate(images: images, targets: Targets(labels: labels), count: count)
  }

  /// Forward and loss in inference mode: running statistics, no dropout; changes nothing but `logits`.
  ///
  /// - Parameters:
  ///   - images: `[count, channels, height, width]`, row-major.
  ///   - labels: `count` class indices.
  ///   - count: 1...batchSize.
  ///   - predictions: room for `count` class indices (the first of the largest logits), or nil.
  /// - Throws: `ConvNetError`.
  public func evaluate(
    images: UnsafePointer<Float>, labels: UnsafePointer<Int32>, count: Int,
    predictions: UnsafeMutablePointer<Int32>? = nil
  ) throws -> BatchResult {
    try run(
      .inference, images: images, targets: Targets(labels: labels), count: count, predictions: predictions)
  }

  /// - Parameter stepsBack: which training step is repeated; 0: a new one is made.
  private func run(
    _ mode: Mode, stepsBack: Int = 0, images: UnsafePointer<Float>, targets: Targets, count: Int,
    predictions: UnsafeMutablePointer<Int32>?
  ) throws -> BatchResult {
    guard 1...batchSize ~= count else { throw ConvNetError.count(count, batchSize: batchSize) }
    try targets.check(count: count, classes: classes)
    let (program, logits) = try program(mode, count: count)
    step.images = images
    step.targets = targets
    step.predictions = predictions
    step.dropoutKey = RandomStream(seed: seed, stream: UInt64.max).bits(stepCount - UInt64(stepsBack))
    step.isRepeated = stepsBack > 0
    step.diverged = false
    defer {
      step.images = nil
      step.targets = nil
      step.predictions = nil
    }
    device.prepareThread()
    try program.run(profile: profile)
    if mode == .training, stepsBack == 0 { stepCount += 1 }
    self.logits = UnsafeBufferPointer(start: logits.floats, count: count * classes)
    return BatchResult(lossSum: step.lossSum, correct: step.correct, count: count)
  }

  private func program(_ mode: Mode, count: Int) throws -> (program: Program, logits: Tensor) {
    let plan = Plan(mode: mode, count: count)
    if let known = programs[plan] { return known }
    device.prepareThread()
    let program = Program(
      mode: mode, count: count, step: step, parameters: store, device: device, arena: arena)
    let images = try device.loadImages([count, input.channels, input.height, input.width], on: program)
    let pass = try layers.record(images, needsInputGradient: false, on: program)
    program.keep(pass.output)
    if let gradient = try device.softmaxLoss(pass.output, on: program) { _ = try pass.backward(gradient) }
    try program.plan(reservingMemory: reservesMemory)
    programs[plan] = (program, pass.output)
    return (program, pass.output)
  }

  /// Work of the caller's own on the network's threads: calls `body` with ranges that together cover `0..<items`, at the
  /// same time where it is worth it; each item costs about `cost` elements' work.
  public func forRanges(_ items: Int, cost: Int, _ body: (Range<Int>) -> Void) {
    team.prepare()
    team.forRanges(items, cost: cost, body)
  }

  static func requireRanges(input: InputShape, classes: Int, batchSize: Int, threads: Int) throws {
    try require("channels", input.channels, in: 1...4096)
    try require("height", input.height, in: 1...4096)
    try require("width", input.width, in: 1...4096)
    try require("classes", classes, in: 2...1_000_000)
    try require("batchSize", batchSize, in: 1...65_536)
    try require("threads", threads, in: 1...1024)
  }

  private static func require(_ name: String, _ value: Int, in range: ClosedRange<Int>) throws {
    guard range ~= value else {
      throw ConvNetError.configuration(
        name: name, value: value, range: "\(range.lowerBound)...\(range.upperBound)")
    }
  }
}
