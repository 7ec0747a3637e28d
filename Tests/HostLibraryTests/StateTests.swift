// State in place: shown, written, moved, and started afresh.

import COptPlugHost
import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct StateTests {
  private func bytes(_ array: optplug_host_array) -> [UInt8] {
    let dtype = DType(code: array.dtype.code, bits: array.dtype.bits, lanes: array.dtype.lanes)
    let count = (0..<Int(array.ndim)).reduce(dtype?.size ?? 0) { $0 * Int(array.shape[$1]) }
    return Array(UnsafeRawBufferPointer(start: array.data, count: count))
  }

  @Test func arraysTellWhatTheyAre() throws {
    let tensors = [line(), TensorMemory("half", .bfloat16, [5], values: numbers(.bfloat16, 5, stream: 3))]
    let trainer = try Trainer("lookahead(k=2, adam)", tensors)
    let view = try trainer.view()
    let nodes = view.nodes.elements(as: optplug_host_node.self)
    #expect(nodes.map { String(cString: $0.name) } == ["lookahead", "adam"])
    #expect(nodes.map { String(cString: $0.path) } == ["", "base."])
    #expect(nodes.map(\.parent) == [0, 0])
    #expect(String(cString: nodes[1].file).hasSuffix("/libAdam.so"))
    #expect(view.flags == OPTPLUG_HOST_HAS_EVALUATION_WEIGHTS && view.step == 0)
    #expect(view.granularity == OPTPLUG_GRANULARITY_ELEMENT)
    let arrays = try trainer.arrays()
    let names = arrays.map { "\($0.parameter) \($0.node) \(String(cString: $0.name))" }
    #expect(
      names.sorted() == [
        "0 0 slow", "0 0 step", "0 1 exp_avg", "0 1 exp_avg_sq", "0 1 step", "1 0 master", "1 0 slow",
        "1 0 step",
        "1 1 exp_avg", "1 1 exp_avg_sq", "1 1 step",
      ])
    let moment = try #require(arrays.first { String(cString: $0.name) == "exp_avg" })
    #expect(moment.kind == OPTPLUG_HOST_ARRAY_SLOT && moment.role == OPTPLUG_ROLE_FIRST_MOMENT)
    #expect(moment.ndim == 2 && moment.shape[0] == 3 && moment.shape[1] == 4)
    #expect(moment.dtype.bits == 32 && moment.extent == OPTPLUG_SHAPE_AS_PARAMETER)
    let counter = try #require(arrays.first { String(cString: $0.name) == "step" })
    #expect(counter.kind == OPTPLUG_HOST_ARRAY_COUNTER && counter.ndim == 0 && counter.dtype.bits == 64)
    try trainer.step([line(), nil])
    #expect(try trainer.view().step == 1)
    #expect(counter.data.load(as: Int64.self) == 1)
    #expect(bytes(moment) != Array(repeating: 0, count: 48))
  }

  @Test func hyperparametersTellWhatTheyAre() throws {
    let trainer = try Trainer("lookahead(sgd)", [line()])
    let all = try trainer.view().hyperparameters.elements(as: optplug_host_hyperparameter.self)
    let paths = all.map { String(cString: $0.path) }
    #expect(paths.contains("k") && paths.contains("base.lr"))
    let lr = try #require(all.first { String(cString: $0.path) == "base.lr" })
    #expect(
      String(cString: lr.key) == "lr" && lr.node == 1 && String(cString: lr.description.pointee.name) == "lr")
    // Both have one.
    let momentum = all.filter { String(cString: $0.path).hasSuffix("momentum") }
    #expect(momentum.map { String(cString: $0.key) } == ["momentum", "base.momentum"])
  }

  @Test(arguments: [
    ("lookahead(k=2, adam)", DType.float32), ("adam8bit", .float32), ("adafactor", .float32),
    ("muon(adamw)", .float32),
    ("lookahead(k=2, adam)", .bfloat16), ("adam", .float64),
  ])
  func whatIsWrittenInPlaceContinues(_ expression: String, _ dtype: DType) throws {
    let (first, second) = (model(dtype), model(dtype))
    let trained = try Trainer(expression, first)
    for step in 1...3 { try trained.step(gradients(of: first, step: step)) }
    let copy = try Trainer(expression, second)
    for (target, source) in zip(second, first) { target.values = source.values }
    for (target, source) in zip(try copy.arrays(), try trained.arrays()) {
      target.data?.copyMemory(from: source.data, byteCount: bytes(source).count)
    }
    try call { Library.stateChanged(copy.optimizer, 3, $0) }
    #expect(try copy.view().step == 3)
    for trainer in [trained, copy] {
      for step in 4...6 { try trainer.step(gradients(of: first, step: step)) }
    }
    #expect(first.map(\.values) == second.map(\.values))
    #expect(try trained.save() == copy.save())
  }

  @Test func impossibleCountersAreRefused() throws {
    let trainer = try Trainer("adam", [line()])
    #expect(
      refusal { Library.stateChanged(trainer.optimizer, 1 << 60, $0) }?.status == OPTPLUG_FAILED_PRECONDITION)
    let counter = try #require(trainer.arrays().first { $0.kind == OPTPLUG_HOST_ARRAY_COUNTER })
    for wrong in [-1, Int64.max] {
      counter.data.storeBytes(of: wrong, as: Int64.self)
      let refusal = refusal { Library.stateChanged(trainer.optimizer, 0, $0) }
      #expect(refusal?.message.contains("w/step") == true)
      #expect(throws: Failure.self, "a step on a refused state") { try trainer.step([line()]) }
    }
    counter.data.storeBytes(of: 1 << 50, as: Int64.self)
    try call { Library.stateChanged(trainer.optimizer, 1 << 53, $0) }
    try trainer.step([line()])
    #expect(try trainer.view().step == 1 << 53 + 1)
  }

  @Test(arguments: [false, true]) func parametersMove(isStrided: Bool) throws {
    let (still, old, new) = (
      line(), line(strides: isStrided ? [1, 3] : nil), line(strides: isStrided ? [1, 3] : nil)
    )
    let (plain, moving) = (try Trainer("adam", [still]), try Trainer("adam", [old]))
    for step in 1...4 {
      if step == 3 {
        new.values = old.values
        try call { Library.move(moving.optimizer, 0, new.base, $0) }
        old.values = numbers(.float32, 12, stream: 77)
      }
      let gradient = TensorMemory("w", .float32, [3, 4], values: numbers(.float32, 12, stream: step))
      for trainer in [plain, moving] { try trainer.step([gradient]) }
    }
    #expect(new.values == still.values && old.values == numbers(.float32, 12, stream: 77))
    #expect(
      refusal { Library.move(moving.optimizer, 0, nil, $0) }?.message.contains("'w' has no data") == true)
    #expect(refusal { Library.move(moving.optimizer, 1, new.base, $0) }?.status == OPTPLUG_INVALID_ARGUMENT)
  }

  @Test func stateMoves() throws {
    let (still, other) = (line(), line())
    let (plain, moving) = (try Trainer("adam", [still]), try Trainer("adam", [other]))
    let own = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 64)
    defer { own.deallocate() }
    let arrays = try moving.arrays()
    let place = try #require(arrays.firstIndex { String(cString: $0.name) == "exp_avg" })
    for step in 1...6 {
      if step == 3 {
        own.copyMemory(from: arrays[place].data, byteCount: 48)
        try call { Library.moveState(moving.optimizer, UInt32(place), own, $0) }
        #expect(try moving.arrays()[place].data == own)
      }
      if step == 5 {
        arrays[place].data.copyMemory(from: own, byteCount: 48)
        try call { Library.moveState(moving.optimizer, UInt32(place), nil, $0) }
        own.initializeMemory(as: UInt8.self, repeating: 0xFF, count: 128)
        #expect(try moving.arrays()[place].data == arrays[place].data)
      }
      for trainer in [plain, moving] { try trainer.step([line()]) }
      #expect(try plain.save() == moving.save())
    }
    #expect(still.values == other.values)
    let counter = try #require(arrays.firstIndex { $0.kind == OPTPLUG_HOST_ARRAY_COUNTER })
    #expect(
      refusal { Library.moveState(moving.optimizer, UInt32(place), own + 8, $0) }?.message.contains("64")
        == true)
    #expect(
      refusal { Library.moveState(moving.optimizer, UInt32(counter), own, $0) }?.status
        == OPTPLUG_INVALID_ARGUMENT)
    #expect(
      refusal { Library.moveState(moving.optimizer, 99, own, $0) }?.message.contains("no array 99") == true)
  }

  @Test func stateOfTheModelMoves() throws {
    let plugin = try CPlugin.compile(source: Repository.file("Tests/PluginTests/Foreign/deciding.c")).path
    let (still, other) = (line(), line())
    let own = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 64)
    defer { own.deallocate() }
    let trainers = try [still, other].map { try Trainer(plugin, [$0]) }
    for step in 1...5 {
      if step == 3 {
        let arrays = try trainers[1].arrays()
        let place = try #require(arrays.firstIndex { $0.parameter == OPTPLUG_HOST_NO_PARAMETER })
        own.copyMemory(from: arrays[place].data, byteCount: bytes(arrays[place]).count)
        try call { Library.moveState(trainers[1].optimizer, UInt32(place), own, $0) }
        arrays[place].data.initializeMemory(
          as: UInt8.self, repeating: 0xFF, count: bytes(arrays[place]).count)
      }
      for trainer in trainers {
        try trainer.step([TensorMemory("w", .float32, [3, 4], values: numbers(.float32, 12, stream: step))])
      }
    }
    #expect(still.values == other.values)
    #expect(try trainers[0].save() == trainers[1].save())
  }

  @Test func resetStartsAfresh() throws {
    let tensors = [line(), TensorMemory("v", .float32, [4], values: numbers(.float32, 4, stream: 4))]
    let trainer = try Trainer("lookahead(k=3, adam)", tensors)
    for step in 1...4 { try trainer.step(gradients(of: tensors, step: 2 * step + 1)) }
    try call { Library.reset(trainer.optimizer, 0, $0) }
    for array in try trainer.arrays() where array.parameter == 0 {
      let isCopy = String(cString: array.name) == "slow"
      #expect(bytes(array) == (isCopy ? tensors[0].values : bytes(array).map { _ in 0 }))
    }
    #expect(try trainer.arrays().contains { $0.parameter == 1 && bytes($0).contains { $0 != 0 } })
    #expect(refusal { Library.reset(trainer.optimizer, 2, $0) }?.message.contains("no parameter 2") == true)
  }
}
