// Tensors that are made again for the backward pass instead of being kept.

import Testing

@testable import ConvNet

/// Changes nothing, but says so of its input: nothing before it is made again.
private struct Kept: Layer {
  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    program.emit("kept", changing: input, LoopKernel {})
    return Recorded(output: input) { $0 }
  }
}

@Suite struct RememberedTensorTests {
  private static let channels = 16

  private static func layer(_ kind: String, in store: ParameterStore) -> any Layer {
    switch kind {
    case "GELU": Activation(name: "middle", function: .gelu)
    case "SiLU": Activation(name: "middle", function: .silu)
    case "logistic": Activation(name: "middle", function: .logistic)
    default: ChannelNormalization("middle", channels: channels, in: store)
    }
  }

  @Test(arguments: ["GELU", "SiLU", "logistic", "layer norm"], [true, false])
  func madeAgainOrKeptTheBitsAreTheSame(_ kind: String, blocked: Bool) throws {
    let shape = [2, Self.channels, 5, 6]
    func gradients(keeping: Bool) throws -> [[Float]] {
      let probe = try LayerProbe(shape) { store in
        let middle = Self.layer(kind, in: store)
        let last = Convolution(
          "last", pointwiseFrom: Self.channels, to: 8, start: .normal(deviation: 1), in: store)
        let first = blocked ? [passThrough(channels: Self.channels, in: store)] : []
        return Sequential(first + [middle] + (keeping ? [Kept()] : []) + [last])
      }
      if blocked { probe.set("pass.weight", identity(Self.channels)) }
      let found = try probe.run(
        CounterFormula.uniform(1, count: shape.reduce(1, *)).map { 4 * $0 },
        upstream: CounterFormula.uniform(2, count: 2 * 8 * 30))
      return [found.output, found.gradient] + probe.store.parameters.map { Array($0.gradient) }
    }
    let found = try gradients(keeping: false)
    #expect(found.joined().allSatisfy { $0.isFinite })
    #expect(found == (try gradients(keeping: true)))
  }

  @Test func whatWasChangedInPlaceIsNotMadeAgain() throws {
    let device = try OneDNNDevice(threads: 1)
    let program = Program(
      mode: .training, count: 1, step: StepState(), parameters: try ParameterStore(), device: device,
      arena: try Arena())
    let images = try device.loadImages([1, 3, 4, 4], on: program)
    let layer = Activation(name: "layer", function: .gelu)
    let output = try layer.record(images, needsInputGradient: true, on: program).output
    let again = try program.again(output)
    #expect(again !== output)
    #expect(try program.again(output) === again)
    for change in [
      { device.rectify($0, slope: 0, on: program) }, { device.clamp($0, limit: 6, on: program) },
      { device.add($0, images, on: program) }, { device.addRectify($0, images, on: program) },
      { device.multiply($0, images, on: program) }, { device.dropout($0, rate: 0.5, number: 0, on: program) },
    ] as [(Tensor) -> Void] {
      let output = try layer.record(images, needsInputGradient: true, on: program).output
      change(output)
      #expect(try program.again(output) === output)
    }
  }
}
