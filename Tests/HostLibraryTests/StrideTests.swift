// Tensors that are not row-major, parameters and gradients: the bits of those that are.

import COptPlugHost
import OptimizerHost
import TestSupport
import Testing

/// How the elements of a tensor may lie.
struct Strides: CustomTestStringConvertible {
  let testDescription: String
  let shape: [Int]
  let strides: [Int]
  var offset = 0

  static let all = [
    Strides(testDescription: "transposed", shape: [37, 20], strides: [1, 37]),
    Strides(testDescription: "channels last", shape: [2, 3, 4, 5], strides: [60, 1, 15, 3]),
    Strides(testDescription: "sliced", shape: [6, 7], strides: [40, 5], offset: 3),
    Strides(testDescription: "every third", shape: [50], strides: [3], offset: 2),
    Strides(testDescription: "turned about", shape: [3, 4, 5], strides: [1, 3, 12]),
    Strides(testDescription: "with axes of one", shape: [1, 6, 1, 2], strides: [999, 1, 0, 6]),
    Strides(testDescription: "row-major by strides", shape: [4, 5], strides: [5, 1]),
    Strides(testDescription: "a single number", shape: [], strides: []),
    Strides(testDescription: "empty", shape: [3, 0, 2], strides: [0, 0, 0]),
  ]

  func tensor(_ dtype: DType, stream: Int, isStrided: Bool) -> TensorMemory {
    TensorMemory(
      "w", dtype, shape, strides: isStrided ? strides : nil, offset: isStrided ? offset : 0,
      values: numbers(dtype, shape.reduce(1, *), stream: stream))
  }
}

@Suite struct StrideTests {
  private let expression = "lookahead(k=2, adam(lr=0.01))"

  @Test(arguments: Strides.all, [DType.float32, .float64, .bfloat16, .float16])
  func bitsAreThoseOfRowMajorOnes(_ strides: Strides, _ dtype: DType) throws {
    let plain = try Trainer(expression, [strides.tensor(dtype, stream: 1, isStrided: false)])
    // Parameter and gradient, only one of them, and the two in turns.
    let strided = try (0..<4).map { _ in
      try Trainer(expression, [strides.tensor(dtype, stream: 1, isStrided: true)])
    }
    for step in 1...5 {
      try plain.step([strides.tensor(dtype, stream: 10 + step, isStrided: false)])
      for (i, trainer) in strided.enumerated() {
        let isStrided = i < 2 || (i == 2 && step % 2 == 0)
        let gradient = strides.tensor(dtype, stream: 10 + step, isStrided: isStrided)
        try trainer.step([gradient])
        #expect(gradient.strayWrites == 0)
      }
    }
    for trainer in strided {
      #expect(trainer.tensors[0].values == plain.tensors[0].values)
      #expect(trainer.tensors[0].strayWrites == 0)
      #expect(try trainer.save() == plain.save())
    }
  }

  @Test func onlySomeOfThemAre() throws {
    func tensors(_ isStrided: Bool) -> [TensorMemory] {
      Strides.all.enumerated().map { i, strides in
        TensorMemory(
          "\(i)", .float32, strides.shape, strides: isStrided && i % 2 == 0 ? strides.strides : nil,
          values: numbers(.float32, strides.shape.reduce(1, *), stream: i))
      }
    }
    let (plain, mixed) = (try Trainer("adam", tensors(false)), try Trainer("adam", tensors(true)))
    for step in 1...3 {
      for trainer in [plain, mixed] {
        try trainer.step(
          trainer.tensors.map { tensor in
            TensorMemory(
              tensor.name, .float32, tensor.shape, strides: tensor.strides,
              values: numbers(.float32, tensor.shape.reduce(1, *), stream: 99 * step + tensor.shape.count))
          })
      }
    }
    #expect(plain.tensors.map(\.values) == mixed.tensors.map(\.values))
  }

  /// As of the sum of a tensor's elements, of which each has the same gradient in the same place.
  @Test func gradientsMayBeExpanded() throws {
    let (plain, expanded) = (line(), line())
    let trainers = (try Trainer("adam", [plain]), try Trainer("adam", [expanded]))
    try trainers.0.step([
      TensorMemory("w", .float32, [3, 4], values: [Float](repeating: 0.5, count: 12).bytes)
    ])
    let gradient = TensorMemory(
      "w", .float32, [3, 4], strides: [0, 0], values: [Float](repeating: 0.5, count: 12).bytes)
    try trainers.1.step([gradient])
    #expect(plain.values == expanded.values)
  }

  @Test func evaluatingAgainSeesThem() throws {
    let (plain, turned) = (line(), line(strides: [1, 3]))
    for tensor in [plain, turned] {
      let trainer = try Trainer("sam(rho=0.1, sgd(lr=0.1))", [tensor])
      for _ in 1...3 {
        let quadratic = Quadratic(tensor)
        quadratic.evaluate()
        try trainer.step([quadratic.gradient]) {
          ($0.reevaluate, $0.context) = (Quadratic.again, quadratic.context)
        }
      }
    }
    #expect(plain.values == turned.values && turned.strayWrites == 0)
  }

  @Test func evaluationWeightsComeAndGo() throws {
    let (plain, turned) = (line(), line(strides: [1, 3]))
    let trainers = try [plain, turned].map { try Trainer("lookahead(k=4, sgd(lr=0.1))", [$0]) }
    for trainer in trainers { try trainer.step([line()]) }
    let trained = turned.values
    for trainer in trainers { try trainer.run(Library.enterEvaluation) }
    #expect(turned.values == line().values && plain.values == turned.values)
    for trainer in trainers { try trainer.run(Library.leaveEvaluation) }
    #expect(turned.values == trained && plain.values == trained)
  }

  /// Weights may be initialized after the optimizer is made, and be replaced at any time.
  @Test func whatTheTrainerWritesCounts() throws {
    let (plain, turned) = (line(), line(strides: [1, 3]))
    let trainers = try [plain, turned].map { try Trainer("lookahead(k=2, sgd(lr=0.1))", [$0]) }
    let fresh = numbers(.float32, 12, stream: 55)
    for tensor in [plain, turned] { tensor.values = fresh }
    #expect(try trainers[0].save() == trainers[1].save())
    for trainer in trainers {
      let slow = try #require(trainer.arrays().first { $0.kind == OPTPLUG_HOST_ARRAY_SLOT })
      #expect(Array(UnsafeRawBufferPointer(start: slow.data, count: 48)) == fresh)
      try trainer.step([line()])
      trainer.tensors[0].values = numbers(.float32, 12, stream: 56)
      try trainer.step([line()])
    }
    #expect(plain.values == turned.values)
  }
}
