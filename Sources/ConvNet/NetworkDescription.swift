// A network on paper: its layers, their shapes, and what they cost, without the memory of the network itself.

/// One layer of a network, in the order of the forward pass.
public struct LayerDescription: Hashable, Codable, Sendable {
  /// PyTorch's name where the layer has parameters.
  public let name: String
  /// Such as `conv 3x3 /2`.
  public let kind: String
  /// Of one image's output: channels, height, width, or the length of a row.
  public let outputShape: [Int]
  /// Elements of the layer's parameters.
  public let parameterCount: Int
  /// Multiplications with an addition for one image forward, of convolutions and linear layers; 0 of others.
  public let multiplyAdds: Int
}

/// What a network is made of and what it costs.
public struct NetworkDescription: Hashable, Sendable {
  public let architecture: Architecture
  public let input: InputShape
  public let classes: Int
  public let batchSize: Int
  /// Every choice that the architecture leaves, as it is in force.
  public let options: NetworkOptions
  public let layers: [LayerDescription]
  /// Elements of all parameters together.
  public let parameterCount: Int
  /// Bytes of activations, their gradients and scratch in a training step of `batchSize` images, as planned for the
  /// processor and thread count at hand.
  public let workingMemoryBytes: Int

  /// Of one image forward.
  public var multiplyAdds: Int { layers.reduce(0) { $0 + $1.multiplyAdds } }
  /// Two for each multiplication with its addition, as PyTorch's flop counter counts.
  public var flops: Int { 2 * multiplyAdds }
  /// Bytes of the parameters; their gradients take as much again.
  public var parameterBytes: Int { parameterCount * MemoryLayout<Float>.stride }
  /// Parameters, gradients and working memory. An optimizer's state and the data come on top.
  public var trainingBytes: Int { 2 * parameterBytes + workingMemoryBytes }

  /// Records a training step of that network and plans its memory, but allocates nothing of it.
  ///
  /// - Throws: `ConvNetError`, as `Network.init` for the same arguments.
  public init(
    _ architecture: Architecture, input: InputShape, classes: Int, batchSize: Int, threads: Int = 1,
    options: NetworkOptions = NetworkOptions()
  ) throws {
    try Network.requireRanges(input: input, classes: classes, batchSize: batchSize, threads: threads)
    self.architecture = architecture
    self.input = input
    self.classes = classes
    self.batchSize = batchSize
    self.options = try architecture.resolve(options)
    let store = try ParameterStore()
    let network = try architecture.layers(
      input: input, classes: classes, options: self.options, dropout: true, in: store)
    let device = try OneDNNDevice(threads: threads)
    device.prepareThread()
    let program = Program(
      mode: .training, count: batchSize, step: StepState(), parameters: store, device: device,
      arena: try Arena())
    let images = try device.loadImages([batchSize, input.channels, input.height, input.width], on: program)
    let pass = try network.record(images, needsInputGradient: false, on: program)
    program.keep(pass.output)
    if let gradient = try device.softmaxLoss(pass.output, on: program) { _ = try pass.backward(gradient) }
    try program.plan(reservingMemory: false)
    layers = program.layers
    parameterCount = store.parameterCount
    workingMemoryBytes = program.plannedBytes
  }
}
