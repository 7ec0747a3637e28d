// The layers of the later networks, with their references.

@testable import ConvNet

extension LayerCase {
  static func depthwise(
    _ input: [Int], size: Int, stride: Int, bias: Bool, blocked: Bool = true
  ) -> LayerCase {
    LayerCase(
      testDescription: "depthwise \(size)x\(size) stride \(stride) of \(input)", input: input,
      blocked: blocked,
      make: {
        Convolution(
          "layer", depthwise: input[1], window: Window(size: size, stride: stride, padding: size / 2),
          bias: bias, in: $0)
      },
      reference: {
        convolveDepthwise($0, $1[0], bias: bias ? $1[1].values : nil, stride: stride, padding: size / 2)
      })
  }

  static func activation(
    _ name: String, _ function: SmoothFunction, _ reference: @escaping @Sendable (Double) -> Double
  ) -> LayerCase {
    LayerCase(
      testDescription: name, input: [2, 8, 4, 4], blocked: true, range: 5,
      make: { _ in Activation(name: "layer", function: function) },
      reference: { input, _ in input.map(reference) })
  }

  static func channelNormalization(_ input: [Int], blocked: Bool) -> LayerCase {
    LayerCase(
      testDescription: "layer norm of \(input)\(blocked ? ", blocked" : "")", input: input, blocked: blocked,
      make: { ChannelNormalization("layer", channels: input[1], in: $0) },
      reference: { normalizeChannels($0, scale: $1[0].values, shift: $1[1].values) })
  }

  static func layerScale(_ input: [Int], blocked: Bool) -> LayerCase {
    LayerCase(
      testDescription: "layer scale of \(input)\(blocked ? ", blocked" : "")", input: input, blocked: blocked,
      make: { LayerScale("layer", channels: input[1], in: $0) },
      reference: { scaleChannels($0, $1[0].values) })
  }

  static func squeezeExcitation(_ input: [Int]) -> LayerCase {
    LayerCase(
      testDescription: "squeeze-and-excitation of \(input)", input: input, blocked: true,
      make: { SqueezeExcitation("layer", channels: input[1], reduced: 4, in: $0) },
      reference: { input, p in
        func rows(_ weight: Reference) -> Reference { Reference(Array(weight.shape[..<2]), weight.values) }
        let squeezed = dense(average(input), rows(p[0]), p[1].values).map(silu)
        return scaleChannels(input, dense(squeezed, rows(p[2]), p[3].values).map(logistic).values)
      })
  }

  static let later: [LayerCase] = [
    .depthwise([2, 16, 6, 7], size: 3, stride: 1, bias: false),
    .depthwise([2, 16, 7, 6], size: 3, stride: 2, bias: false),
    .depthwise([2, 8, 8, 8], size: 5, stride: 2, bias: false),
    .depthwise([2, 24, 8, 9], size: 7, stride: 1, bias: true),
    .depthwise([2, 8, 2, 2], size: 7, stride: 1, bias: true),
    .depthwise([2, 16, 2, 3], size: 7, stride: 1, bias: true),
    .depthwise([2, 8, 1, 1], size: 5, stride: 1, bias: false),
    .depthwise([2, 32, 5, 6], size: 5, stride: 1, bias: true),
    .depthwise([2, 5, 6, 6], size: 3, stride: 1, bias: true, blocked: false),
    .depthwise([2, 21, 6, 6], size: 3, stride: 2, bias: true, blocked: false),
    .activation("GELU", .gelu, gelu),
    .activation("SiLU", .silu, silu),
    .activation("logistic function", .logistic, { logistic($0) }),
    LayerCase(
      testDescription: "ReLU6", input: [2, 8, 4, 4], blocked: true, range: 9,
      make: { _ in ReLU6(name: "layer") },
      reference: { input, _ in input.map { min(max($0, 0), 6) } }),
    .channelNormalization([2, 16, 7, 6], blocked: true),
    .channelNormalization([3, 5, 3, 4], blocked: false),
    .layerScale([3, 16, 3, 4], blocked: true),
    .layerScale([2, 5, 3, 4], blocked: false),
    .squeezeExcitation([2, 16, 4, 5]),
    .squeezeExcitation([3, 12, 3, 3]),
    LayerCase(
      testDescription: "pointwise linear", input: [2, 8, 3, 4],
      make: {
        Convolution("layer", pointwiseFrom: 8, to: 16, start: .normal(deviation: 0.1), in: $0)
      },
      reference: {
        convolve(
          $0, Reference($1[0].shape + [1, 1], $1[0].values), bias: $1[1].values, stride: 1, padding: 0)
      }),
    LayerCase(
      testDescription: "zero padding", input: [2, 3, 5, 4],
      make: { _ in ZeroPadding(name: "layer", height: 8, width: 8) },
      reference: { input, _ in pad(input, height: 8, width: 8) }),
    LayerCase(
      testDescription: "shortcut", input: [2, 8, 4, 4], blocked: true,
      make: {
        Shortcut(
          name: "layer",
          branch: Sequential([
            Convolution(
              "layer", depthwise: 8, window: Window(size: 3, stride: 1, padding: 1), bias: false, in: $0),
            Activation(name: "act", function: .gelu), LayerScale("scale", channels: 8, in: $0),
          ]))
      },
      reference: {
        let branch = convolveDepthwise($0, $1[0], bias: nil, stride: 1, padding: 1).map(gelu)
        return add(scaleChannels(branch, $1[1].values), $0)
      }),
  ]
}
