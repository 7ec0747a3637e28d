// Max-pooling where values are equal, not finite or below zero at a padded edge, and averages as PyTorch takes them.

import Testing

@testable import ConvNet

@Suite struct PoolingTests {
  /// 3 channels stay in plain order (scalar loop); 8 behind a convolution are blocked (vector loop).
  private func probe(channels: Int, size: Int, window: Window) throws -> LayerProbe {
    let probe = try LayerProbe([1, channels, size, size]) { store in
      let pool = MaxPooling(name: "pool", window: window)
      return channels == 8 ? Sequential([passThrough(channels: 8, in: store), pool]) : pool
    }
    if channels == 8 { probe.set("pass.weight", identity(8)) }
    return probe
  }

  @Test(arguments: [3, 8]) func firstOfEqualValuesTakesTheGradient(channels: Int) throws {
    let probe = try probe(channels: channels, size: 4, window: Window(size: 2, stride: 2))
    let upstream = (0..<channels * 4).map { Double($0 + 1) }
    let found = try probe.run([Double](repeating: 0.5, count: channels * 16), upstream: upstream)
    #expect(found.output.allSatisfy { $0 == 0.5 })
    for channel in 0..<channels {
      for row in 0..<4 {
        for column in 0..<4 {
          let corner = row % 2 == 0 && column % 2 == 0
          let expected = corner ? Float(upstream[channel * 4 + row / 2 * 2 + column / 2]) : 0
          #expect(found.gradient[channel * 16 + row * 4 + column] == expected)
        }
      }
    }
  }

  @Test(arguments: [3, 8]) func overlappingWindowsAddTheirGradients(channels: Int) throws {
    let probe = try probe(channels: channels, size: 3, window: Window(size: 2, stride: 1))
    var plane = [Double](repeating: 0, count: 9)
    plane[4] = 1  // the centre is in all four windows
    let input = (0..<channels * 9).map { plane[$0 % 9] }
    let found = try probe.run(input, upstream: [Double](repeating: 1, count: channels * 4))
    for channel in 0..<channels {
      #expect(Array(found.gradient[channel * 9..<channel * 9 + 9]) == [0, 0, 0, 0, 4, 0, 0, 0, 0])
    }
  }

  @Test(arguments: [3, 8]) func paddingNeverWins(channels: Int) throws {
    let probe = try probe(channels: channels, size: 2, window: Window(size: 3, stride: 2, padding: 1))
    let input = (0..<channels * 4).map { [-4.0, -3, -2, -5][$0 % 4] }
    let found = try probe.run(input, upstream: [Double](repeating: 1, count: channels))
    #expect(found.output.allSatisfy { $0 == -2 })
    #expect(Array(found.gradient[..<4]) == [0, 0, 1, 0])
  }

  @Test func notANumberWins() throws {
    // In plain order, where no convolution spreads it over the channels first.
    let probe = try probe(channels: 3, size: 2, window: Window(size: 2, stride: 2))
    let found = try probe.run(
      [1, .nan, 2, 3, 1, 2, 3, 4, -.infinity, -.infinity, -.infinity, -.infinity], upstream: [1, 1, 1])
    #expect(found.output[0].isNaN)
    #expect(found.output[1] == 4)
    #expect(found.output[2] == -.infinity)
    #expect(found.gradient == [0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0])
  }

  /// `torch.nn.AvgPool2d(3, 2, 1)` of 1...16 in rows of 4, and its gradient for 9, 18, 27, 36 above it: the windows at
  /// the edge have fewer numbers, and are divided by 9 all the same.
  @Test(arguments: [3, 8]) func paddingCountsInAverages(channels: Int) throws {
    let probe = try LayerProbe([1, channels, 4, 4]) { store in
      let pool = AveragePooling(name: "pool", window: Window(size: 3, stride: 2, padding: 1))
      return channels == 8 ? Sequential([passThrough(channels: 8, in: store), pool]) : pool
    }
    if channels == 8 { probe.set("pass.weight", identity(8)) }
    let input = (0..<channels * 16).map { Double($0 % 16 + 1) }
    let found = try probe.run(input, upstream: (0..<channels * 4).map { Double($0 % 4 * 9 + 9) })
    let outputs: [Float] = [14 / 9, 30 / 9, 57 / 9, 11]
    let gradient: [Float] = [1, 3, 2, 2, 4, 10, 6, 6, 3, 7, 4, 4, 3, 7, 4, 4]
    for channel in 0..<channels {
      for (value, exact) in zip(found.output[(channel * 4)...], outputs) {
        #expect(abs(value - exact) <= 2e-6)
      }
      for (value, exact) in zip(found.gradient[(channel * 16)...], gradient) {
        #expect(abs(value - exact) <= 2e-6)
      }
    }
  }

  @Test func averagesAreTheSameInVectorsAndOneByOne() {
    let window = Window(size: 3, stride: 2, padding: 1)
    func blocks(_ size: Int, lanes: Int) -> BlockedImages {
      BlockedImages(images: 1, channels: lanes, blocks: 1, height: size, width: size, lanes: lanes)
    }
    let source = (0..<12 * 49).map { Float(CounterFormula.uniform(400, $0)) }
    func pool(_ lanes: Int, _ values: [Float]) -> [Float] {
      var output = [Float](repeating: 0, count: 16 * lanes)
      averagePoolPlane(values, blocks(7, lanes: lanes), &output, blocks(4, lanes: lanes), window)
      return output
    }
    let output = pool(12, source)
    for lane in 0..<12 {
      let single = pool(1, stride(from: lane, to: source.count, by: 12).map { source[$0] })
      #expect(single == stride(from: lane, to: output.count, by: 12).map { output[$0] })
    }
  }

  @Test func vectorAndScalarLoopsAgree() {
    let window = Window(size: 3, stride: 2, padding: 1)
    func blocks(_ size: Int, lanes: Int) -> BlockedImages {
      BlockedImages(images: 1, channels: lanes, blocks: 1, height: size, width: size, lanes: lanes)
    }
    let source = (0..<16 * 49).map { index in
      index % 97 == 0 ? Float.nan : Float((CounterFormula.uniform(400, index) * 4).rounded())
    }
    func pool(_ lanes: Int, _ values: [Float]) -> ([Float], [UInt8]) {
      var output = [Float](repeating: 0, count: 16 * lanes)
      var choices = [UInt8](repeating: 0, count: 16 * lanes)
      maxPoolPlane(values, blocks(7, lanes: lanes), &output, &choices, blocks(4, lanes: lanes), window)
      return (output, choices)
    }
    let (output, choices) = pool(16, source)
    for lane in 0..<16 {
      let (single, singleChoices) = pool(1, stride(from: lane, to: source.count, by: 16).map { source[$0] })
      for position in 0..<16 {
        #expect(output[position * 16 + lane].bitPattern == single[position].bitPattern)
        #expect(choices[position * 16 + lane] == singleChoices[position])
      }
    }
  }
}
