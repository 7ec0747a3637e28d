// Steps that fail, and what a message says where there is little room for it.

import COptPlugHost
import OptimizerHost
import TestSupport
import Testing

@Suite struct StepTests {
  @Test func aNormThatIsNotFiniteChangesNothing() throws {
    for (strides, poison) in [(nil, Float.infinity), ([1, 3], .nan)] {
      let tensor = line(strides: strides)
      let trainer = try Trainer("lookahead(k=2, adam)", [tensor])
      try trainer.step([line()])
      let (values, saved) = (tensor.values, try trainer.save())
      let gradient = TensorMemory("w", .float32, [3, 4], values: [Float](repeating: poison, count: 12).bytes)
      var norm = 0.0
      let failure = #expect(throws: Failure.self) {
        try trainer.step([gradient]) {
          ($0.flags, $0.clipping_norm) = (OPTPLUG_HOST_CLIPS, 1)
          norm = $0.norm
        }
      }
      #expect(failure?.status == 11 && failure?.message.contains("cannot be clipped") == true && norm == 0)
      #expect(tensor.values == values)
      #expect(try trainer.save() == saved)
      try trainer.step([line()])
      #expect(try trainer.view().step == 2)
    }
  }

  @Test func theNormIsToldEvenSo() throws {
    let tensor = line()
    let trainer = try Trainer("adam", [tensor])
    let gradient = TensorMemory(
      "w", .float32, [3, 4], values: [Float](repeating: .infinity, count: 12).bytes)
    var place: UnsafeRawPointer? = UnsafeRawPointer(gradient.base)
    var arguments = optplug_host_step_arguments()
    (arguments.struct_size, arguments.flags, arguments.clipping_norm) = (72, OPTPLUG_HOST_CLIPS, 1)
    let status = withUnsafePointer(to: &place) { gradients in
      arguments.gradients = gradients
      return Library.step(trainer.optimizer, &arguments, nil)
    }
    #expect(status == OPTPLUG_HOST_NOT_FINITE && arguments.norm == .infinity)
  }

  @Test func argumentsThatMakeNoSense() throws {
    let tensor = line()
    let trainer = try Trainer("adam", [tensor])
    let values = tensor.values
    let changes: [((inout optplug_host_step_arguments) -> Void, String)] = [
      ({ ($0.flags, $0.clipping_norm) = (OPTPLUG_HOST_CLIPS, -1) }, "clipping norm"),
      ({ ($0.flags, $0.clipping_norm) = (OPTPLUG_HOST_CLIPS, .nan) }, "clipping norm"),
      ({ ($0.flags, $0.gradient_scale) = (OPTPLUG_HOST_SCALES, .infinity) }, "gradient scale"),
      ({ ($0.flags, $0.gradient_scale) = (OPTPLUG_HOST_SCALES, 1e60) }, "gradient scale"),
      ({ $0.struct_size = 71 }, "struct_size"), ({ $0.gradients = nil }, "no gradients"),
    ]
    for (change, words) in changes {
      let failure = #expect(throws: Failure.self) { try trainer.step([line()], change) }
      #expect(failure?.status == OPTPLUG_INVALID_ARGUMENT && failure?.message.contains(words) == true)
    }
    for strides in [[-4, 1], [Int.max, 1]] {
      let arena = Arena()
      let own = UnsafePointer(arena.array(strides.map(Int64.init)))
      let failure = #expect(throws: Failure.self) {
        try trainer.step([line()]) { $0.gradient_strides = UnsafePointer(arena.array([own])) }
      }
      #expect(failure?.message.contains("that of 'w' has the strides") == true)
    }
    #expect(tensor.values == values)
    #expect(try trainer.view().step == 0)
    // Values without their flags mean nothing.
    try trainer.step([line()]) { ($0.clipping_norm, $0.gradient_scale, $0.loss) = (-1, .nan, .nan) }
  }

  @Test func thereMayBeNoParameters() throws {
    let trainer = try Trainer("lookahead(k=2, adam)", [])
    try trainer.step([])
    try trainer.step([]) { $0.gradients = nil }
    let other = try Trainer("lookahead(k=2, adam)", [])
    try other.restore(trainer.save())
    #expect(try other.view().step == 2 && other.arrays().isEmpty)
  }

  @Test func evaluatingAgainMayFail() throws {
    let tensor = line()
    let trainer = try Trainer("sam(sgd(lr=0.1))", [tensor])
    let quadratic = Quadratic(tensor)
    quadratic.evaluate()
    let missing = #expect(throws: Failure.self) { try trainer.step([quadratic.gradient]) }
    #expect(missing?.message.contains("reevaluate") == true && missing?.status == OPTPLUG_INVALID_ARGUMENT)
    quadratic.status = 42
    func step() throws(Failure) {
      try trainer.step([quadratic.gradient]) {
        ($0.reevaluate, $0.context) = (Quadratic.again, quadratic.context)
      }
    }
    let failure = #expect(throws: Failure.self) { try step() }
    #expect(failure == Failure(status: 42, message: "reevaluate failed with status 42"))
    // The optimizer goes on from wherever that left it.
    quadratic.status = OPTPLUG_OK
    try step()
    #expect(quadratic.evaluations == 3)
  }

  @Test func evaluatingAgainMayNotUseTheOptimizer() throws {
    let tensor = line()
    let trainer = try Trainer("sam(sgd(lr=0.1))", [tensor])
    let optimizer = trainer.optimizer
    let quadratic = Quadratic(tensor)
    quadratic.evaluate()
    var refused: [Failure?] = []
    quadratic.interlude = {
      var view = optplug_host_view()
      view.struct_size = 72
      var arguments = optplug_host_step_arguments()
      arguments.struct_size = 72
      var (size, value, index): (UInt64, Double, UInt32) = (0, 0, 0)
      refused = [
        refusal { Library.look(optimizer, &view, $0) }, refusal { Library.get(optimizer, 0, 0, &value, $0) },
        refusal { Library.set(optimizer, 0, 0, 1, $0) },
        refusal { Library.find(optimizer, "rho", &index, $0) },
        refusal { Library.step(optimizer, &arguments, $0) },
        refusal { Library.enterEvaluation(optimizer, $0) },
        refusal { Library.leaveEvaluation(optimizer, $0) },
        refusal { Library.move(optimizer, 0, tensor.base, $0) },
        refusal { Library.moveState(optimizer, 0, nil, $0) },
        refusal { Library.save(optimizer, nil, 0, &size, $0) },
        refusal { Library.restore(optimizer, [1], 1, $0) }, refusal { Library.reset(optimizer, 0, $0) },
        refusal { Library.stateChanged(optimizer, 0, $0) },
      ]
    }
    try trainer.step([quadratic.gradient]) {
      ($0.reevaluate, $0.context) = (Quadratic.again, quadratic.context)
    }
    #expect(refused.count == 13)
    for failure in refused { #expect(failure?.message == "the optimizer may not be used inside reevaluate") }
    #expect(try trainer.view().step == 1)
  }
}

@Suite struct MessageTests {
  /// "ö" takes two bytes, "→" three, "𝕏" four.
  private let expression = "adam(ö→𝕏ö→𝕏ö→𝕏"

  /// The message as it lies in memory, behind which nothing may be written.
  private func message(capacity: Int) -> [UInt8] {
    var text = [CChar](repeating: 0x7F, count: 8192)
    let options = Options(expression)
    text.withUnsafeMutableBufferPointer { text in
      var error = optplug_error(
        struct_size: size(optplug_error.self), message_capacity: UInt32(capacity), message: text.baseAddress)
      var (raw, optimizer): (optplug_host_options, OpaquePointer?) = (options.raw, nil)
      #expect(Library.open(&raw, &optimizer, &error) != OPTPLUG_OK)
    }
    #expect(text[capacity...].allSatisfy { $0 == 0x7F })
    return text.prefix(capacity).map { UInt8(bitPattern: $0) }
  }

  @Test func isCutBetweenCharacters() throws {
    let full = message(capacity: 8000).prefix { $0 != 0 }
    let text = try #require(String(validating: full, as: UTF8.self))
    #expect(text.contains("→𝕏"))
    #expect(message(capacity: 0) == [])
    #expect(message(capacity: 1) == [0])
    for capacity in 2...full.count + 2 {
      let cut = message(capacity: capacity).prefix { $0 != 0 }
      #expect(
        cut.count < capacity && full.starts(with: cut)
          && full.count - cut.count <= max(0, full.count - capacity + 4))
      #expect(String(validating: cut, as: UTF8.self) != nil, "\(capacity)")
    }
  }

  @Test func needsRoomThatIsThere() {
    var error = optplug_error(struct_size: size(optplug_error.self), message_capacity: 100, message: nil)
    #expect(Library.open(nil, nil, &error) == OPTPLUG_INVALID_ARGUMENT)
    var text: [CChar] = [0x7F, 0]
    text.withUnsafeMutableBufferPointer {
      // An error of no size has no members.
      var error = optplug_error(struct_size: 0, message_capacity: 2, message: $0.baseAddress)
      #expect(Library.open(nil, nil, &error) == OPTPLUG_INVALID_ARGUMENT)
    }
    #expect(text == [0x7F, 0])
  }
}
