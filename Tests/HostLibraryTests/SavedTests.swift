// Saving, restoring, and the weights to evaluate with.

import COptPlugHost
import OptimizerHost
import Safetensors
import TestSupport
import Testing

@Suite struct SavedTests {
  private let expression = "lookahead(k=2, adam(lr=0.01))"

  private func trained(_ expression: String, _ tensors: [TensorMemory], steps: ClosedRange<Int>) throws
    -> Trainer
  {
    let trainer = try Trainer(expression, tensors)
    for step in steps { try trainer.step(gradients(of: tensors, step: step)) }
    return trainer
  }

  @Test(arguments: [DType.float32, .bfloat16, .float64]) func aRestoredOneContinues(_ dtype: DType) throws {
    let (whole, rest) = (model(dtype), model(dtype))
    let first = try trained(expression, whole, steps: 1...3)
    try first.set("lr", to: 0.125)
    let saved = try first.save()
    let second = try Trainer(expression, rest)
    for (target, source) in zip(rest, whole) { target.values = source.values }
    try second.restore(saved)
    #expect(try second.save() == saved)
    #expect(try second.view().step == 3 && second.value("lr") == 0.125)
    for trainer in [first, second] {
      for step in 4...6 { try trainer.step(gradients(of: whole, step: step)) }
    }
    #expect(whole.map(\.values) == rest.map(\.values))
  }

  @Test func sizesComeFirst() throws {
    let trainer = try trained(expression, model(), steps: 1...1)
    let whole = try trainer.save()
    var size: UInt64 = 0
    var bytes = [UInt8](repeating: 0x5A, count: whole.count)
    try call { Library.save(trainer.optimizer, &bytes, UInt64(whole.count) - 1, &size, $0) }
    #expect(
      size == whole.count && bytes.allSatisfy { $0 == 0x5A }, "nothing is written where it does not fit")
    #expect(
      refusal { Library.save(trainer.optimizer, &bytes, size, nil, $0) }?.status == OPTPLUG_INVALID_ARGUMENT)
  }

  @Test func whatDoesNotFitIsRefusedAndNothingChanges() throws {
    let tensors = model()
    let trainer = try trained(expression, tensors, steps: 1...2)
    let before = try trainer.save()
    let good = try trained(expression, model(), steps: 1...3).save()
    func header(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
      var bytes = good
      change(&bytes)
      return bytes
    }
    let other = try trained("lookahead(k=2, sgd(lr=0.01))", model(), steps: 1...1).save()
    let smaller = try trained(expression, Array(model().dropLast()), steps: 1...1).save()
    let wrong: [[UInt8]] = [
      [], [1], Array(good.prefix(8)), Array(good.dropLast()), Array(good.prefix(good.count / 2)), good + [0],
      header { $0[9] ^= 0x20 }, header { $0[0] ^= 0xFF }, header { $0[7] = 0xFF }, other, smaller,
    ]
    for (i, bytes) in wrong.enumerated() {
      let failure = #expect(throws: Failure.self) { try trainer.restore(bytes) }
      let status =
        bytes.isEmpty
        ? [OPTPLUG_INVALID_ARGUMENT, OPTPLUG_FAILED_PRECONDITION] : [OPTPLUG_FAILED_PRECONDITION]
      #expect(failure.map { status.contains($0.status) } == true, "\(i): \(failure as Any)")
      #expect(failure?.message.isEmpty == false)
      #expect(try trainer.save() == before)
    }
    #expect(refusal { Library.restore(trainer.optimizer, nil, 100, $0) }?.status == OPTPLUG_INVALID_ARGUMENT)
    #expect(
      refusal { Library.restore(trainer.optimizer, good, .max, $0) }?.status == OPTPLUG_INVALID_ARGUMENT)
    try trainer.restore(good)
    #expect(try trainer.save() == good)
  }

  @Test(arguments: [DType.float32, .bfloat16]) func evaluationWeightsAreLent(_ dtype: DType) throws {
    let tensors = model(dtype)
    let start = tensors.map(\.values)
    let trainer = try Trainer("lookahead(k=9, sgd(lr=0.1))", tensors)
    // Before the first step there are none.
    try trainer.run(Library.enterEvaluation)
    try trainer.step(gradients(of: tensors, step: 1))
    let (trained, saved) = (tensors.map(\.values), try trainer.save())
    #expect(trained != start)
    try trainer.run(Library.enterEvaluation)
    try trainer.run(Library.enterEvaluation)
    #expect(tensors.map(\.values) == start)
    let optimizer = trainer.optimizer
    var size: UInt64 = 0
    let refused = [
      refusal { Library.save(optimizer, nil, 0, &size, $0) },
      refusal { Library.restore(optimizer, saved, UInt64(saved.count), $0) },
      refusal { Library.reset(optimizer, 0, $0) }, refusal { Library.stateChanged(optimizer, 1, $0) },
      refusal { Library.move(optimizer, 0, tensors[0].base, $0) },
      refusal { Library.moveState(optimizer, 0, nil, $0) },
    ]
    for failure in refused {
      #expect(failure?.status == OPTPLUG_INVALID_ARGUMENT && failure?.message.contains("evaluation") == true)
    }
    let step = #expect(throws: Failure.self) { try trainer.step(gradients(of: tensors, step: 2)) }
    #expect(step?.message.contains("leave the evaluation first") == true)
    try trainer.run(Library.leaveEvaluation)
    try trainer.run(Library.leaveEvaluation)
    #expect(tensors.map(\.values) == trained)
    #expect(try trainer.save() == saved)
  }

  @Test func thoseWithoutEvaluationWeightsDoNothing() throws {
    let tensors = model()
    let trainer = try trained("adam", tensors, steps: 1...1)
    let trained = tensors.map(\.values)
    try trainer.run(Library.enterEvaluation)
    try trainer.step(gradients(of: tensors, step: 2).map { _ in nil })
    try trainer.run(Library.leaveEvaluation)
    #expect(tensors.map(\.values) == trained)
  }
}
