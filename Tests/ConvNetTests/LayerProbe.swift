// Runs one layer between plain tensors: input and output gradient in, output and gradients out.

@testable import ConvNet

final class LayerProbe {
  let store: ParameterStore
  let step = StepState()
  private let program: Program
  private let output: Tensor
  private let inputGradient: Tensor?
  private let upstream: UnsafeMutableBufferPointer<Float>

  init(
    _ inputShape: [Int], mode: Mode = .training, threads: Int = 1, directConvolutions: Bool = false,
    _ make: (ParameterStore) throws -> any Layer
  ) throws {
    store = try ParameterStore()
    let layer = try make(store)
    try store.allocate(seed: 7)
    let device = try OneDNNDevice(threads: threads, directConvolutions: directConvolutions)
    program = Program(
      mode: mode, count: inputShape[0], step: step, parameters: store, device: device, arena: try Arena())
    let input = try device.loadImages(inputShape, on: program)
    let pass = try layer.record(input, needsInputGradient: true, on: program)
    output = try device.plain(pass.output, layer: "probe", on: program)
    program.keep(output)
    let upstream = UnsafeMutableBufferPointer<Float>.allocate(capacity: output.elementCount)
    upstream.initialize(repeating: 0)
    self.upstream = upstream
    if mode == .training {
      let gradient = program.tensor(pass.output.shape, try device.plainLayout(pass.output.shape))
      program.emit(
        "upstream", [gradient],
        LoopKernel { gradient.floats.update(from: upstream.baseAddress!, count: upstream.count) })
      let result = try device.plain(pass.backward(gradient), layer: "probe", on: program)
      program.keep(result)
      inputGradient = result
    } else {
      inputGradient = nil
    }
    try program.plan()
  }

  deinit { upstream.deallocate() }

  var outputShape: [Int] { output.shape }

  func set(_ name: String, _ values: [Double]) {
    let target =
      store.parameters.first { $0.name == name }?.values ?? store.buffers.first { $0.name == name }!.values
    precondition(target.count == values.count)
    for (index, value) in values.enumerated() { target[index] = Float(value) }
  }

  func buffer(_ name: String) -> [Float] { Array(store.buffers.first { $0.name == name }!.values) }

  func run(_ input: [Double], upstream gradient: [Double] = []) throws -> (output: [Float], gradient: [Float])
  {
    for (index, value) in gradient.enumerated() { upstream[index] = Float(value) }
    let images = input.map { Float($0) }
    try images.withUnsafeBufferPointer { images in
      step.images = images.baseAddress
      defer { step.images = nil }
      program.device.prepareThread()
      try program.run()
    }
    return (copy(output), inputGradient.map(copy) ?? [])
  }

  private func copy(_ tensor: Tensor) -> [Float] {
    Array(UnsafeBufferPointer(start: tensor.floats, count: tensor.elementCount))
  }
}

/// A 1x1 convolution that changes nothing, so that what follows gets the device's own layout.
func passThrough(channels: Int, in store: ParameterStore) -> Convolution {
  Convolution(
    "pass", from: channels, to: channels, window: Window(size: 1, stride: 1), bias: false, in: store)
}

func identity(_ channels: Int) -> [Double] {
  (0..<channels * channels).map { $0 / channels == $0 % channels ? 1 : 0 }
}
