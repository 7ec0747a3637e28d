// Steps on a GPU, with stand-ins for the driver and the compiler that run the very kernels on the CPU: every bit.

import OptimizerHost
import TestSupport
import Testing

/// One at a time, for there is one GPU.
@Suite(.serialized) struct CUDASessionTests {
  private static let trees = [
    "sgd(lr=0.1)", "sgd(lr=0.1, momentum=0.9, nesterov=true)", "adam(amsgrad=true)", "lion(weight_decay=0.1)",
    "rmsprop(momentum=0.9, centered=true)", "radam(beta2=0.8)", "lookahead(k=2, adamw)",
    "lookahead(k=2, init=lazy, momentum=reset_all, adagrad(initial_accumulator_value=0.1))",
    "schedulefree(warmup_steps=3, adamw(beta1=0))", "ema(decay=0.9, lookahead(k=3, alpha=0, sgd(lr=0.1)))",
  ]

  @Test(arguments: trees, [DType.float32, .float64]) func sameBits(expression: String, dtype: DType) throws {
    try expectSameBits(expression, dtype)
  }

  /// Parameters and gradients of 16 bits, against the host's own way with masters.
  @Test(arguments: ["lookahead(k=2, adamw)", "sgd(lr=0.1, momentum=0.9)"], [DType.bfloat16, .float16])
  func sameBitsWithMasters(expression: String, dtype: DType) throws { try expectSameBits(expression, dtype) }

  /// A stranger's optimizer whose list uses every operation.
  @Test(arguments: [DType.float32, .float64]) func everyOperation(dtype: DType) throws {
    let plugin = try CPlugin.compile(
      source: Repository.file("Tests/PluginTests/Foreign/operations.c"), flags: ["-O2", "-ffp-contract=off"])
    try expectSameBits("\"\(plugin.path)\"(lr=0.3)", dtype)
  }

  private func expectSameBits(_ expression: String, _ dtype: DType) throws {
    let run = try DeviceRun(expression, dtype)
    try run.placeState()
    for number in 1...6 {
      if number == 4 { run.moveGradients() }
      if number == 5 { try run.moveParameters() }
      try run.step(absent: number % 3 == 0 ? [1, 3] : [], scale: number == 2 ? 0.25 : 1)
      try run.expectSameBits("\(expression), \(dtype)")
    }
  }

  /// Many steps of which the GPU takes none before the host asks for the results: what was sent must lie untouched.
  @Test func theHostMayRunAhead() throws {
    let run = try DeviceRun("adamw", .float32, shapes: [[3], [4]])
    try run.placeState()
    let gradients = [
      DeviceBytes(Array(repeating: 1, count: 12), run.gpu),
      DeviceBytes(Array(repeating: 2, count: 16), run.gpu),
    ]
    let other = try DeviceRun("adamw", .float32, shapes: [[3], [4]])
    try other.placeState()
    for _ in 1...12_000 { try run.session.step(gradients: gradients.map { UnsafeRawPointer($0.pointer) }) }
    for _ in 1...12_000 {
      try other.session.step(gradients: gradients.map { UnsafeRawPointer($0.pointer) })
      _ = other.device[0].bytes
    }
    #expect(run.device.map(\.bytes) == other.device.map(\.bytes))
  }

  /// A step of a tree is one launch for each group.
  @Test func oneLaunchForAGroup() throws {
    let run = try DeviceRun("lookahead(k=2, adam)", .float32)
    try run.placeState()
    try run.step()
    try run.expectSameBits("first")
    let before = run.gpu.launches
    try run.step()
    try run.expectSameBits("second")
    #expect(run.gpu.launches == before + 2)
  }

  /// Work is enqueued where the trainer says, from one step to the next.
  @Test func streams() throws {
    let run = try DeviceRun("lookahead(k=2, adam)", .float32)
    let (first, second) = (run.gpu.makeStream(), run.gpu.makeStream())
    run.session.use(stream: first)
    try run.placeState()
    try run.step()
    let (before, other) = (run.gpu.launches(on: first), run.gpu.launches(on: nil))
    #expect(before > 0)
    try run.expectSameBits("first stream")
    run.session.use(stream: second)
    try run.step()
    try run.session.reset(parameters: [0])
    try run.plain.reset(parameter: 0)
    #expect(run.gpu.launches(on: second) > 0)
    #expect(run.gpu.launches(on: first) == before && run.gpu.launches(on: nil) == other)
    try run.expectSameBits("second stream")
  }

  /// Groups upon groups: what a launch needs is made once.
  @Test func manyGroups() throws {
    let run = try DeviceRun(
      "lookahead(k=2, sgd(lr=0.1, momentum=0.9))", .float32, shapes: Array(repeating: [3], count: 150),
      groups: 150)
    try run.placeState()
    for _ in 1...4 { try run.step() }
    let before = run.gpu.allocations
    for _ in 1...4 { try run.step() }
    // Each step's gradients are in the same places.
    #expect(run.gpu.allocations == before)
    try run.expectSameBits("150 groups")
  }

  // ---- Graphs -----------------------------------------------------------------------------------------

  @Test(
    arguments: [
      "sgd(lr=0.1, momentum=0.9)", "lookahead(k=3, momentum=pullback, adam)",
      "lookahead(k=3, momentum=reset_all, adamw)", "schedulefree(warmup_steps=4, adamw(beta1=0))",
      "lookahead(k=2, init=lazy, radam(beta2=0.8))",
    ], [DType.float32, .bfloat16])
  func aReplayedStepIsTheNextOne(expression: String, dtype: DType) throws {
    let run = try DeviceRun(expression, dtype)
    try run.placeState()
    try run.step(absent: [3])
    var replay: (() -> Void)?
    for number in 2...9 {
      try run.step(absent: [3]) { gradients in
        if replay == nil {
          replay = try run.gpu.capture(nil) { try run.session.step(gradients: gradients) }
          #expect(run.remote.stepCount == 1, "a captured step is not taken")
        }
        replay?()
      }
      try run.expectSameBits("\(expression), replay \(number)")
    }
    try run.session.settle()
    // Steps that are not replayed go on from there, and replays from those.
    try run.step(absent: [3])
    try run.expectSameBits("\(expression), a step after replays")
    try run.step(absent: [3]) { _ in replay?() }
    try run.expectSameBits("\(expression), a replay after that")
    #expect(run.gpu.captureMode == 0)
  }

  @Test func aReplayAfterTheOptimizersEndDoesNothing() throws {
    var run: DeviceRun? = try DeviceRun("adam", .float32, shapes: [[4]])
    let gpu = try FakeCUDA.shared.get()
    try run?.placeState()
    try run?.step()
    var replay: (() -> Void)?
    try run?.step { gradients in
      replay = try gpu.capture(nil) { try run?.session.step(gradients: gradients) }
    }
    let memory = try #require(run?.device[0])
    run = nil
    let before = memory.bytes
    replay?()
    #expect(memory.bytes == before)
  }

  /// What the graph was captured for can change, as Lookahead's period: the replay changes nothing, which is told of once,
  /// and what is captured anew works.
  @Test func aReplayWithoutItsProgramIsReported() throws {
    let run = try DeviceRun("lookahead(k=100000, sgd(lr=0.1))", .float32, shapes: [[4]])
    try run.placeState()
    try run.step()
    var replay: (() -> Void)?
    try run.step { gradients in
      replay = try run.gpu.capture(nil) { try run.session.step(gradients: gradients) }
      replay?()
    }
    try run.expectSameBits("before")
    try run.remote.set("k", to: 1)
    let before = run.device[0].bytes
    replay?()
    #expect(run.device[0].bytes == before)
    replay?()
    expectProblem("lacks the program of step 3") { try run.session.settle() }
    #expect(run.device[0].bytes == before && run.remote.stepCount == 2)
    try run.session.settle()
    try run.plain.set("k", to: 1)
    var other: (() -> Void)?
    try run.step { gradients in
      other = try run.gpu.capture(nil) { try run.session.step(gradients: gradients) }
      other?()
      replay?()
    }
    try run.expectSameBits("captured anew")
  }

  // ---- Refusals ---------------------------------------------------------------------------------------

  private func expectProblem(_ words: String, _ body: () throws -> Void) {
    #expect {
      try body()
    } throws: {
      "\($0)".contains(words)
    }
  }

  @Test func whatIsNotThereIsNamed() throws {
    expectProblem("formula of 'lars'") { _ = try DeviceRun("lars", .float32) }
    expectProblem("there is no GPU 7") { _ = try DeviceRun("adam", .float32, number: 7) }
    let run = try DeviceRun("adam", .float32)
    expectProblem("the state 'exp_avg' of 't0' lies nowhere") { try run.step() }
    try run.placeState()
    expectProblem("there is no state yet") {
      try run.step { gradients in
        _ = try run.gpu.capture(nil) { try run.session.step(gradients: gradients) }
      }
    }
  }

  /// What would read the GPU's memory on the host.
  @Test func theHostsOwnWaysAreShut() throws {
    let run = try DeviceRun("ema(adam)", .float32)
    try run.placeState()
    try run.step()
    expectProblem("they lie on a GPU") { try run.remote.step(gradients: Array(repeating: nil, count: 6)) }
    expectProblem("they lie on a GPU") { try run.remote.withEvaluationWeights {} }
    expectProblem("they lie on a GPU") { try run.remote.reset(parameter: 0) }
    expectProblem("they lie on a GPU") { try run.remote.restore([]) }
  }

  @Test func aLaunchThatFailsIsReported() throws {
    let run = try DeviceRun("sgd(lr=0.1)", .float32)
    try run.placeState()
    try run.step()
    run.gpu.failLaunches(1)
    expectProblem("cuLaunchKernel failed: CUDA_ERROR_LAUNCH_FAILED") { try run.step() }
  }

  /// What fails before a kernel is launched has not counted.
  @Test func aStepThatCannotBePreparedIsNone() throws {
    let run = try DeviceRun("sgd(lr=0.1, momentum=0.9)", .float32)
    expectProblem("lies nowhere") {
      try run.session.step(
        gradients: Array(repeating: nil, count: 5) + [UnsafeRawPointer(run.device[5].pointer)])
    }
    try run.placeState()
    try run.step()
    try run.expectSameBits("the first that was prepared")
  }

  /// A device that the compiler does not know gets PTX for the newest that is older.
  @Test func newerDevices() throws {
    let run = try DeviceRun("sgd(lr=0.1)", .float32, number: 1)
    try run.placeState()
    try run.step()
    try run.expectSameBits("sm_89")
  }

  @Test func stateOfAParameterBeginsAnew() throws {
    let run = try DeviceRun("lookahead(adam)", .bfloat16)
    try run.placeState()
    for number in 1...3 {
      try run.step()
      if number == 2 {
        try run.session.reset(parameters: [1])
        try run.plain.reset(parameter: 1)
      }
      try run.expectSameBits("reset after 2")
    }
  }
}
