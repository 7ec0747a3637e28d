// The test of a new plugin in Swift.

extension SwiftTemplate {
  /// Two steps by hand and a hundred that must descend, through the host.
  var test: String {
    """
    // Trains with the built plugin, as a trainer does.

    import Foundation
    import OptimizerHost
    import Testing

    @Suite struct \(name.module)Tests {
      /// Where the build puts the test and the plugin.
      private let folder: String = {
        let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let bundle = sequence(first: binary) { $0.path == "/" ? nil : $0.deletingLastPathComponent() }
          .first { $0.pathExtension == "xctest" }
        return (bundle ?? binary).deletingLastPathComponent().path
      }()

      #if os(macOS)
        private let suffix = "dylib"
      #else
        private let suffix = "so"
      #endif

      /// The plugin as an expression names it.
      private var plugin: String { "\\"\\(folder)/lib\(name.module).\\(suffix)\\"" }

    \(isWrapper ? wrapperCases : optimizerCases)
    }

    """
  }

  private var optimizerCases: String {
    #"""
      /// The velocity is g, then 1.5 g; so the weights lose 0.5 g and 0.75 g.
      @Test func twoSteps() throws {
        let arena = try ParameterArena([.init(name: "w", shape: [2])])
        let weights = arena.parameters[0].values.assumingMemoryBound(to: Float.self)
        let gradient = arena.gradients[0].assumingMemoryBound(to: Float.self)
        (weights[0], weights[1]) = (1, 3)
        (gradient[0], gradient[1]) = (1, -2)
        let optimizer = try Optimizer("\(plugin)(lr=0.5, momentum=0.5)", parameters: arena.parameters)
        for _ in 0..<2 { try optimizer.step(gradients: [UnsafeRawPointer(gradient)]) }
        #expect([weights[0], weights[1]] == [-0.25, 5.5])
      }

      /// Down the bowl w²/2, whose gradient is w.
      @Test func descends() throws {
        let arena = try ParameterArena([.init(name: "w", shape: [1])])
        let weight = arena.parameters[0].values.assumingMemoryBound(to: Float.self)
        weight.pointee = 1
        let optimizer = try Optimizer("\(plugin)(lr=0.1)", parameters: arena.parameters)
        for _ in 0..<200 { try optimizer.step(gradients: [UnsafeRawPointer(weight)]) }
        #expect(abs(weight.pointee) < 1e-2)
      }
    """#
  }

  private var wrapperCases: String {
    #"""
      /// Over gradient descent the weights go 1, 0, -1 and 3, 5, 7; the average half of the way each time.
      @Test func twoSteps() throws {
        let arena = try ParameterArena([.init(name: "w", shape: [2])])
        let weights = arena.parameters[0].values.assumingMemoryBound(to: Float.self)
        let gradient = arena.gradients[0].assumingMemoryBound(to: Float.self)
        (weights[0], weights[1]) = (1, 3)
        (gradient[0], gradient[1]) = (1, -2)
        let optimizer = try optimizer(decay: 0.5, rate: 1, arena)
        for _ in 0..<2 { try optimizer.step(gradients: [UnsafeRawPointer(gradient)]) }
        #expect([weights[0], weights[1]] == [-1, 7])
        let average = try optimizer.withEvaluationWeights { [weights[0], weights[1]] }
        #expect(average == [-0.25, 5.5])
        #expect([weights[0], weights[1]] == [-1, 7])
      }

      /// Down the bowl w²/2, whose gradient is w.
      @Test func descends() throws {
        let arena = try ParameterArena([.init(name: "w", shape: [1])])
        let weight = arena.parameters[0].values.assumingMemoryBound(to: Float.self)
        weight.pointee = 1
        let optimizer = try optimizer(decay: 0.9, rate: 0.1, arena)
        for _ in 0..<200 { try optimizer.step(gradients: [UnsafeRawPointer(weight)]) }
        let average = try optimizer.withEvaluationWeights { weight.pointee }
        #expect(abs(average) < 1e-2)
      }

      /// The wrapper over OptPlug's sgd, which the build puts beside it.
      private func optimizer(decay: Double, rate: Double, _ arena: ParameterArena) throws -> Optimizer {
        try Optimizer(
          "\(plugin)(decay=\(decay), \"\(folder)/libSGD.\(suffix)\"(lr=\(rate)))", parameters: arena.parameters)
      }
    """#
  }
}
