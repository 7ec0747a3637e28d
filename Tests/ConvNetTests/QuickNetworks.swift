// Networks whose weights come from a cheap formula: for tests of mechanism, where Box–Muller would be most of the time.

import ConvNet

extension Network {
  /// A network with uniform weights of He's deviation, another for each seed; everything else as always.
  convenience init(
    quick architecture: Architecture, input: InputShape, classes: Int = 10, batchSize: Int, seed: UInt64 = 3,
    threads: Int = 1
  ) throws {
    try self.init(
      architecture, input: input, classes: classes, batchSize: batchSize, seed: seed, threads: threads,
      drawsWeights: false)
    var state = seed
    for parameter in parameters where parameter.kind == .weight {
      let fanIn = parameter.shape.dropFirst().reduce(1, *)
      let scale = (6 / Float(fanIn)).squareRoot() * 0x1p-31
      for index in parameter.values.indices {
        // Knuth's linear congruential generator; the upper half is the better one.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        parameter.values[index] = Float(Int32(truncatingIfNeeded: state >> 32)) * scale
      }
    }
  }
}
