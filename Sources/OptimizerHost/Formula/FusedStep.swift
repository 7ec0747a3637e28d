// A step taken by programs in place of the optimizers' own code.

extension Optimizer {
  /// Takes a step as `step(gradients:)` does, by programs that are interpreted: with the same bits, if the formulas are
  /// right.
  /// - Throws: `OptimizerError`: as `step` does, `formula`, and `parameters` for parameters of 16 bits.
  package func step(
    gradients: [UnsafeRawPointer?], gradientScale: Double = 1, by fusion: Fusion
  ) throws {
    precondition(fusion.optimizer === self, "the programs are another optimizer's")
    try check(gradients, gradientScale)
    guard table.masters == nil else {
      throw OptimizerError.parameters("programs take no step on the CPU with parameters of 16 bits")
    }
    engine.startState()
    let launches = try fusion.launches(hasGradient: gradients.map { $0 != nil }, gradientScale: gradientScale)
    countStep { gradients[$0] != nil }
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
        let (program, count) = (launch.program, table.parameters[parameter].count)
        if launch.dtype == .float64 {
          program.interpret(streams, count: count, constants: launch.constants, as: Double.self)
        } else {
          program.interpret(streams, count: count, constants: launch.constants, as: Float.self)
        }
      }
    }
    restartBases()
  }

  /// Counts a step that programs take.
  func countStep(_ hasGradient: (Int) -> Bool) {
    stepCount += 1
    for i in table.parameters.indices where hasGradient(i) {
      for node in tree.nodes { node.parameterSteps[i] += 1 }
    }
  }

  /// Of the whole, and per node those of the parameters.
  package func counters() -> (step: UInt64, parameterSteps: [[Int64]]) {
    (stepCount, tree.nodes.map { Array($0.parameterSteps) })
  }

  func setCounters(_ counters: (step: UInt64, parameterSteps: [[Int64]])) {
    stepCount = counters.step
    for (node, steps) in zip(tree.nodes, counters.parameterSteps) {
      for (i, step) in steps.enumerated() { node.parameterSteps[i] = step }
    }
    engine.countersHaveChanged()
  }
}
