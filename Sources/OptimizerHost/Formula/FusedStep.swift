// A step taken by programs in place of the optimizers' own code.

extension Optimizer {
  /// Carries out a program on all elements of a tensor.
  /// - Parameters:
  ///   - streams: of `FusedProgram.streams`.
  package typealias Executor = (
    _ launch: Fusion.Launch, _ streams: [UnsafeMutableRawPointer], _ count: Int
  ) throws -> Void

  /// Takes a step as `step(gradients:)` does, by programs: with the same bits, if the formulas are right.
  /// - Parameters:
  ///   - execute: by default the interpreter.
  ///   - allowsMasters: whether `execute` looks after the masters of 16-bit parameters itself.
  /// - Throws: `OptimizerError`: as `step` does, `formula`, and `parameters` for parameters of 16 bits.
  package func step(
    gradients: [UnsafeRawPointer?], gradientScale: Double = 1, by fusion: Fusion,
    allowsMasters: Bool = false,
    execute: Executor = { launch, streams, count in
      if launch.dtype == .float64 {
        launch.program.interpret(streams, count: count, constants: launch.constants, as: Double.self)
      } else {
        launch.program.interpret(streams, count: count, constants: launch.constants, as: Float.self)
      }
    }
  ) throws {
    precondition(fusion.optimizer === self, "the programs are another optimizer's")
    try check(gradients, gradientScale)
    guard table.masters == nil || allowsMasters else {
      throw OptimizerError.parameters("programs take no step on the CPU with parameters of 16 bits")
    }
    engine.startState()
    let launches = try fusion.launches(hasGradient: gradients.map { $0 != nil }, gradientScale: gradientScale)
    stepCount += 1
    for node in tree.nodes {
      for place in gradients.indices where gradients[place] != nil { node.parameterSteps[place] += 1 }
    }
    engine.countersHaveChanged()
    for launch in launches {
      for parameter in launch.parameters {
        let streams = try launch.program.streams.map { stream in
          let memory =
            stream == .gradient
            ? gradients[parameter].map { UnsafeMutableRawPointer(mutating: $0) }
            : fusion.memory(stream, of: launch.program, parameter: parameter)
          guard let memory else {
            throw OptimizerError.parameters("a stream of '\(table.parameters[parameter].name)' lies nowhere")
          }
          return memory
        }
        try execute(launch, streams, table.parameters[parameter].count)
      }
    }
    restartBases()
  }
}
