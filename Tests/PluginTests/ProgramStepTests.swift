// Steps by compiled programs, against the optimizers' own code: every bit, whatever happens between two steps.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct ProgramStepTests {
  private static let trees = [
    "sgd(lr=0.1, momentum=0.9)", "adamw", "lookahead(k=2, momentum=reset_all, adamw)",
    "schedulefree(adamw(beta1=0))",
  ]
  /// Large enough for threads.
  private let course = Course(shapes: [[40_001], [3], [900], [64], [64], [64]], steps: 6)

  @Test(arguments: trees, [(1, 8192), (3, 1000)]) func threadsAndPiecesDoNotMatter(
    expression: String, cut: (threads: Int, pieceElements: Int)
  ) throws {
    let plain = try course.make(expression, threads: 2, pieceElements: 8192, Float.self)
    let fused = try course.make(
      expression, threads: cut.threads, pieceElements: cut.pieceElements, compiler: Programs.compiler,
      Float.self)
    for number in 1...course.steps {
      try course.step(plain, number)
      try course.step(fused, number)
      #expect(bits(fused) == bits(plain), "step \(number)")
    }
    #expect(fused.optimizer.state() == plain.optimizer.state())
    #expect(fused.optimizer.usesPrograms && fused.optimizer.programProblem == nil)
  }

  /// Gradients that lie side by side, that come and go, and that move.
  @Test func tensorsInAnArena() throws {
    let tensors = (0..<40).map { ParameterArena.Tensor(name: "t\($0)", shape: [$0 % 3 == 2 ? 5000 : 16]) }
    func make(_ compiler: ProgramCompiler?) throws -> (arena: ParameterArena, optimizer: Optimizer) {
      let arena = try ParameterArena(tensors)
      fill(arena.parameters.map(\.values), tensors: arena.parameters, stream: 1)
      let optimizer = try Optimizer(
        "lookahead(k=2, adamw)", registry: BuildProducts.registry(), parameters: arena.parameters, threads: 2,
        compiler: compiler)
      return (arena, optimizer)
    }
    let (plain, fused) = (try make(nil), try make(Programs.compiler))
    let others = try ParameterArena(tensors)
    for number in 1...8 {
      for (arena, optimizer) in [plain, fused] {
        // From the fifth step on every second gradient lies elsewhere.
        let memory = arena.gradients.indices.map { i in
          number > 4 && i % 2 == 1 ? others.gradients[i] : arena.gradients[i]
        }
        fill(memory, tensors: arena.parameters, stream: 100 * number)
        try optimizer.step(
          gradients: memory.enumerated().map { i, pointer in
            number == 3 && i % 5 == 0 ? nil : UnsafeRawPointer(pointer)
          }, clippingNorm: number == 2 ? 1 : nil, gradientScale: number == 7 ? 0.5 : 1)
      }
      #expect(values(fused.arena) == values(plain.arena), "step \(number)")
    }
    #expect(fused.optimizer.state() == plain.optimizer.state())
  }

  private func fill(_ memory: [UnsafeMutableRawPointer], tensors: [Parameter], stream: Int) {
    for (i, pointer) in memory.enumerated() {
      let values: [Float] = mixedValues(stream: stream + i, count: tensors[i].count)
      pointer.assumingMemoryBound(to: Float.self).update(from: values, count: values.count)
    }
  }

  private func values(_ arena: ParameterArena) -> [String] {
    arena.parameters.map { parameter in
      let values = parameter.values.assumingMemoryBound(to: Float.self)
      return digest(Array(UnsafeBufferPointer(start: values, count: parameter.count)))
    }
  }

  @Test(arguments: [DType.bfloat16, .float16]) func parametersOf16Bits(_ dtype: DType) throws {
    let count = 3001
    func halves(_ stream: Int) -> [UInt16] {
      let values: [Float] = mixedValues(stream: stream, count: count)
      return values.map { dtype == .bfloat16 ? UInt16($0.bitPattern >> 16) : Float16($0).bitPattern }
    }
    func run(_ compiler: ProgramCompiler?) throws -> (weights: [[UInt16]], state: [NamedTensor]) {
      var weights = halves(1)
      return try weights.withUnsafeMutableBytes { weights in
        let values = try #require(weights.baseAddress)
        let optimizer = try Optimizer(
          "lookahead(k=2, adamw)", registry: BuildProducts.registry(),
          parameters: [Parameter(name: "w", shape: [count], dtype: dtype, values: values)],
          pieceElements: 500,
          compiler: compiler)
        let course = try (1...5).map { number in
          _ = try halves(10 + number).withUnsafeBytes { gradient in
            try optimizer.step(gradients: [number == 3 ? nil : gradient.baseAddress], gradientScale: 0.7)
          }
          return Array(weights.bindMemory(to: UInt16.self))
        }
        #expect(optimizer.usesPrograms == (compiler != nil) && optimizer.programProblem == nil)
        return (course, optimizer.state())
      }
    }
    let (plain, fused) = (try run(nil), try run(Programs.compiler))
    #expect(fused.weights == plain.weights && fused.state == plain.state)
    #expect(fused.weights[4] != halves(1))
  }

  /// A training goes on from the other's state, each way round, and looks at its evaluation weights in between.
  @Test func stateIsTheSame() throws {
    let expression = "lookahead(k=3, momentum=pullback, adam(lr=0.01))"
    func make(_ compiler: ProgramCompiler?) throws -> Training<Float> {
      try course.make(expression, threads: 1, pieceElements: 1000, compiler: compiler, Float.self)
    }
    let whole = try make(nil)
    var run = try make(Programs.compiler)
    for number in 1...course.steps {
      try course.step(whole, number)
      try course.step(run, number)
      let seen = try [run, whole].map { training in
        try training.optimizer.withEvaluationWeights { bits(training) }
      }
      #expect(seen[0] == seen[1] && (seen[0] != bits(run)) == (number % 3 != 0))
      #expect(bits(run) == bits(whole), "step \(number)")
      let next = try make(number % 2 == 0 ? Programs.compiler : nil)
      for (tensor, old) in zip(next.tensors, run.tensors) { tensor.values = old.values }
      // One that has steps behind it, and tables for them.
      try next.step(next.tensors.map { mixedValues(stream: 5, count: $0.count) })
      for (tensor, old) in zip(next.tensors, run.tensors) { tensor.values = old.values }
      #expect(try next.optimizer.restore(run.optimizer.state()).isEmpty)
      run = next
    }
    #expect(run.optimizer.state() == whole.optimizer.state())
  }

  @Test func whatIsChangedBetweenStepsCounts() throws {
    let start: [Float] = mixedValues(stream: 1, count: 100)
    func make(_ compiler: ProgramCompiler?) throws -> Training<Float> {
      try Training("lookahead(k=2, adamw)", [Tensor("a", start), Tensor("b", start)], compiler: compiler)
    }
    let (plain, fused) = (try make(nil), try make(Programs.compiler))
    // Where the parameter and a slot lie from the third step on.
    let moved = [plain, fused].map { _ in (Tensor<Float>("moved", start), Tensor<Float>("slot", start)) }
    for number in 1...7 {
      for (training, moved) in zip([plain, fused], moved) {
        if number == 3 {
          moved.0.values = training.tensors[1].values
          let place = UnsafeMutableRawPointer(mutating: moved.0.pointer)
          try training.optimizer.move(parameter: 1, to: place)
        }
        if number == 4 { try training.optimizer.set("lr", to: 0.3) }
        if number == 5 { try training.optimizer.reset(parameter: 0) }
        if number == 6 {
          let counter = try #require(
            training.optimizer.stateArrays().first {
              $0.kind == .counter && $0.parameter == 0 && $0.node == 1
            })
          counter.memory.storeBytes(of: 40, as: Int64.self)
          try training.optimizer.stateHasChanged(step: 11)
        }
        let gradient: [Float] = mixedValues(stream: 10 + number, count: 100)
        try training.step([gradient, gradient])
      }
      #expect(bits(fused) == bits(plain), "step \(number)")
      #expect(moved[0].0.values == moved[1].0.values, "step \(number)")
      #expect(fused.optimizer.state() == plain.optimizer.state(), "step \(number)")
    }
  }

  @Test func aTreeWithoutFormulaIsSteppedByItsOwnCode() throws {
    let (plain, other) = (
      try Training<Float>("lookahead(lamb)", [Tensor("w", [1, 2, 3])]),
      try Training<Float>("lookahead(lamb)", [Tensor("w", [1, 2, 3])], compiler: Programs.compiler)
    )
    for training in [plain, other] { try training.step([[0.5, 1, 2]]) }
    #expect(bits(other) == bits(plain) && !other.optimizer.usesPrograms)
    #expect(
      other.optimizer.programProblem
        == "the optimizers' own code takes the steps, since 'lamb' has no formula: it has none; it can only be "
        + "stepped by its own code")
    #expect(plain.optimizer.programProblem == nil)
  }

  /// A step without a list is taken by the optimizers' own code, and others are not.
  @Test func aStepWithoutProgram() throws {
    let plugin = try CPlugin.compile(
      source: Repository.file("Tests/PluginTests/Foreign/formula.c"),
      flags: ["-O2", "-ffp-contract=off", "-DGAP=3"])
    let expression = "lookahead(k=2, \"\(plugin.path)\")"
    let start: [Float] = mixedValues(stream: 1, count: 100)
    let (plain, fused) = (
      try Training(expression, [Tensor("w", start)]),
      try Training(expression, [Tensor("w", start)], compiler: Programs.compiler)
    )
    for number in 1...5 {
      for training in [plain, fused] { try training.step([mixedValues(stream: 9 + number, count: 100)]) }
      #expect(bits(fused) == bits(plain), "step \(number)")
      #expect((fused.optimizer.programProblem == nil) == (number < 3), "step \(number)")
    }
    #expect(fused.optimizer.state() == plain.optimizer.state() && fused.optimizer.usesPrograms)
    #expect(fused.optimizer.programProblem?.contains("'by-hand' has no formula: not supported") == true)
  }

  /// Loops that others handle differently: zeros of both signs, infinities, NaN, denormals.
  @Test(arguments: ["adamw(amsgrad=true)", "lookahead(k=2, lion)"]) func edges(expression: String) throws {
    let values: [Float] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNormalMagnitude, -3e38,
      3e38,
    ]
    let pairs = values.flatMap { p in values.map { (p, $0) } }
    let (plain, fused) = (
      try Training(expression, [Tensor("w", pairs.map(\.0))]),
      try Training(expression, [Tensor("w", pairs.map(\.0))], compiler: Programs.compiler)
    )
    for _ in 1...4 {
      for training in [plain, fused] { try training.step([pairs.map(\.1)]) }
      for (i, (a, b)) in zip(plain.tensors[0].values, fused.tensors[0].values).enumerated() {
        // The payload and sign of what is not a number are the compiler's.
        #expect(a.isNaN && b.isNaN || a.bitPattern == b.bitPattern, "\(pairs[i])")
      }
    }
  }

  @Test func aTraceHasNothingToRecord() throws {
    #expect {
      try Training<Float>(
        "sgd", [Tensor("w", [1])], compiler: Programs.compiler, trace: try Trace(limit: 10))
    } throws: { "\($0)".contains("which compiled programs replace; leave one of both out") }
  }
}
