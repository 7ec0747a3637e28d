// Our side: plugins, loaded and stepped by OptimizerHost.

import Foundation
import OptimizerHost

/// Optimizers of this repository, found beside the program: by their own code, and by compiled programs.
struct OptPlugContender: Contender {
  let name = "optplug"
  let implementations = ["optplug", "optplug-jit"]
  private let registry = PluginRegistry.standard()
  private let threads: Int

  /// - Parameter threads: of cases that do not say how many.
  init(threads: Int) { self.threads = threads }

  func prepare(_ stepCase: StepCase, _ implementation: String) throws -> OptPlugSteps {
    let memory = try TensorMemory(stepCase.tensors, layout: stepCase.layout ?? .arena)
    let optimizer = try Optimizer(
      expression(stepCase), registry: registry, parameters: memory.parameters,
      threads: stepCase.threads ?? threads,
      compiler: implementation == "optplug-jit" ? ProgramCompiler() : nil)
    return OptPlugSteps(memory: memory, optimizer: optimizer, clip: stepCase.clip)
  }

  /// As `lookahead(alpha=0.5, k=5, adam(lr=0.001))`.
  private func expression(_ stepCase: StepCase) throws -> String {
    let settings = (stepCase.hyperparameters ?? [:]).sorted { $0.key < $1.key }
    func list(_ belongs: (String) -> Bool) -> [String] {
      settings.filter { belongs($0.key) }.map { "\($0.key)=\($0.value.text)" }
    }
    switch stepCase.optimizer {
    case "sgd", "adam", "adamw":
      return "\(stepCase.optimizer)(\(list { _ in true }.joined(separator: ", ")))"
    case "lookahead-adam":
      let wrapper: Set<String> = ["k", "alpha"]
      let base = "adam(\(list { !wrapper.contains($0) }.joined(separator: ", ")))"
      return "lookahead(\((list { wrapper.contains($0) } + [base]).joined(separator: ", ")))"
    default:
      throw Refusal("there is no optimizer '\(stepCase.optimizer)': say sgd, adam, adamw or lookahead-adam")
    }
  }
}

/// An optimizer on the memory of one case. A class, so that the memory outlives the optimizer.
final class OptPlugSteps: PreparedSteps {
  private let memory: TensorMemory
  private let optimizer: Optimizer
  private let clip: Double?

  init(memory: TensorMemory, optimizer: Optimizer, clip: Double?) {
    self.memory = memory
    self.optimizer = optimizer
    self.clip = clip
  }

  func step(count: Int) throws {
    for _ in 0..<count {
      if let clip {
        try optimizer.step(gradients: memory.gradients, clippingNorm: clip)
      } else {
        try optimizer.step(gradients: memory.gradients)
      }
    }
  }

  func values() -> Data { memory.bytes }
}
