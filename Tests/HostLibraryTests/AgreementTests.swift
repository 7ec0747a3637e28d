// The library against the Swift library on the same data: every bit of the parameters and of the state.

import COptPlugHost
import OptimizerHost
import Safetensors
import TestSupport
import Testing

/// A small model with every shape that there is.
func model(_ dtype: DType = .float32, groups: Int = 1) -> [TensorMemory] {
  let shapes: [(String, [Int])] = [
    ("matrix", [33, 17]), ("bias", [70]), ("scalar", []), ("empty", [0, 3]), ("long", [5000]),
    ("kernel", [4, 3, 2, 2]),
  ]
  return shapes.enumerated().map { i, part in
    TensorMemory(
      part.0, dtype, part.1, group: i % groups,
      values: numbers(dtype, part.1.reduce(1, *), stream: 100 + i))
  }
}

/// The gradients of a step; one tensor has none every other time.
func gradients(of tensors: [TensorMemory], step: Int) -> [TensorMemory?] {
  tensors.enumerated().map { i, tensor in
    i == 1 && step % 2 == 0
      ? nil
      : TensorMemory(
        tensor.name, tensor.dtype, tensor.shape,
        values: numbers(tensor.dtype, tensor.shape.reduce(1, *), stream: 1000 * step + i))
  }
}

@Suite struct AgreementTests {
  private func reference(_ expression: String, _ tensors: [TensorMemory], groups: [ParameterGroup]? = nil)
    throws
    -> Optimizer
  {
    try Optimizer(
      expression, registry: BuildProducts.registry(), parameters: tensors.map(\.parameter),
      groups: groups ?? [ParameterGroup(name: "0")])
  }

  private func expectAgreement(_ trainer: Trainer, _ reference: Optimizer, _ tensors: [TensorMemory]) throws {
    for (ours, theirs) in zip(trainer.tensors, tensors) {
      #expect(ours.values == theirs.values, "\(ours.name)")
    }
    let saved = try SafetensorsFile(bytes: trainer.save())
    #expect(saved.metadata["expression"] == reference.expression)
    let (mine, others) = (saved.tensors, reference.state())
    #expect(mine.sorted { $0.name < $1.name } == others.sorted { $0.name < $1.name })
  }

  @Test(
    arguments: [
      "sgd(lr=0.1, momentum=0.9)", "adamw", "lookahead(k=2, adam)", "muon(adamw)", "adam8bit", "adafactor",
      "lamb",
      "ema(lion)", "schedulefree(sgd(lr=0.1))", "lookahead(k=3, gradient-centralization(rmsprop))",
    ], [1, 3])
  func everyBitAgrees(_ expression: String, threads: UInt32) throws {
    let (ours, theirs) = (model(), model())
    let trainer = try Trainer(expression, ours, threads: threads)
    let reference = try reference(expression, theirs)
    for step in 1...5 {
      let gradients = gradients(of: ours, step: step)
      try trainer.step(gradients)
      try reference.step(gradients: gradients.map { $0.map { UnsafeRawPointer($0.base) } })
    }
    try expectAgreement(trainer, reference, theirs)
  }

  @Test(arguments: [DType.float64, .bfloat16, .float16])
  func otherTypesAgree(_ dtype: DType) throws {
    let (ours, theirs) = (model(dtype), model(dtype))
    let trainer = try Trainer("lookahead(k=2, adam(lr=0.01))", ours)
    let reference = try reference("lookahead(k=2, adam(lr=0.01))", theirs)
    for step in 1...5 {
      let gradients = gradients(of: ours, step: step)
      let arguments = try trainer.step(gradients) {
        $0.flags = OPTPLUG_HOST_CLIPS | OPTPLUG_HOST_SCALES
        $0.clipping_norm = 2
        $0.gradient_scale = 0.5
      }
      let norm = try reference.step(
        gradients: gradients.map { $0.map { UnsafeRawPointer($0.base) } }, clippingNorm: 2, gradientScale: 0.5
      )
      #expect(arguments.norm == norm && arguments.norm > 2)
    }
    try expectAgreement(trainer, reference, theirs)
  }

  @Test func groupsWithSettingsAgree() throws {
    let (ours, theirs) = (model(groups: 2), model(groups: 2))
    let trainer = try Trainer(
      Options(
        "lookahead(k=2, adam)", ours, groups: 2,
        settings: [
          (OPTPLUG_HOST_ALL_GROUPS, "lr", "1e-2"), (1, "base.weight_decay", "0.1"), (1, "lr", "0.5"),
          (1, "lr", "1e-3"),
        ]), ours)
    let reference = try reference(
      "lookahead(k=2, adam)", theirs,
      groups: [
        ParameterGroup(name: "0", settings: [("lr", "1e-2")]),
        ParameterGroup(name: "1", settings: [("lr", "1e-3"), ("weight_decay", "0.1")]),
      ])
    #expect(try trainer.value("lr", group: 0) == 1e-2 && trainer.value("lr", group: 1) == 1e-3)
    for step in 1...4 {
      if step == 3 {
        try trainer.set("base.lr", to: 0.25, group: 1)
        try reference.set("lr", to: 0.25, group: 1)
      }
      let gradients = gradients(of: ours, step: step)
      try trainer.step(gradients)
      try reference.step(gradients: gradients.map { $0.map { UnsafeRawPointer($0.base) } })
    }
    try expectAgreement(trainer, reference, theirs)
  }

  @Test func severalEvaluationsInAStepAgree() throws {
    let (ours, theirs) = ([line()], [line()])
    let trainer = try Trainer("sam(rho=0.1, sgd(lr=0.1))", ours)
    let reference = try reference("sam(rho=0.1, sgd(lr=0.1))", theirs)
    #expect(try trainer.view().flags & OPTPLUG_HOST_REEVALUATES != 0)
    for _ in 1...4 {
      let (mine, other) = (Quadratic(ours[0]), Quadratic(theirs[0]))
      mine.evaluate()
      other.evaluate()
      try trainer.step([mine.gradient]) {
        $0.flags = OPTPLUG_HOST_KNOWS_LOSS
        $0.loss = mine.loss
        ($0.reevaluate, $0.context) = (Quadratic.again, mine.context)
      }
      try reference.step(gradients: [UnsafeRawPointer(other.gradient.base)], loss: other.loss) {
        other.evaluate()
        return other.loss
      }
      #expect(mine.evaluations == 2 && other.evaluations == 2)
      #expect(mine.loss == other.loss)
    }
    try expectAgreement(trainer, reference, theirs)
  }
}

/// Twelve numbers.
func line(strides: [Int]? = nil) -> TensorMemory {
  TensorMemory("w", .float32, [3, 4], strides: strides, values: numbers(.float32, 12, stream: 7))
}

/// Half the sum of squared distances of a tensor's elements from 1.
final class Quadratic {
  let tensor: TensorMemory
  let gradient: TensorMemory
  private(set) var loss = Double.nan
  private(set) var evaluations = 0
  /// What `again` answers.
  var status = OPTPLUG_OK
  /// Runs before it evaluates again.
  var interlude: () -> Void = {}

  init(_ tensor: TensorMemory, gradientStrides: [Int]? = nil) {
    self.tensor = tensor
    gradient = TensorMemory(
      tensor.name, .float32, tensor.shape, strides: gradientStrides ?? tensor.strides,
      values: Array(repeating: 0, count: tensor.shape.reduce(4, *)))
  }

  func evaluate() {
    let distances = tensor.floats.map { $0 - 1 }
    gradient.values = distances.bytes
    loss = distances.reduce(0) { $0 + Double($1) * Double($1) / 2 }
    evaluations += 1
  }

  /// Lives as long as this object.
  var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  static let again:
    @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<Double>?) -> optplug_status = {
      context, loss in
      let quadratic = Unmanaged<Quadratic>.fromOpaque(context!).takeUnretainedValue()
      quadratic.interlude()
      quadratic.evaluate()
      loss?.pointee = quadratic.loss
      return quadratic.status
    }
}
