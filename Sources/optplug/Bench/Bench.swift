// optplug bench: how long a step takes, against the least that it could take on this machine.

import ArgumentParser
import Foundation
import OptimizerHost
import Terminal

struct Bench: Command {
  static let configuration = CommandConfiguration(
    abstract: "Times the step of an optimizer against the machine's memory limit.",
    discussion: """
      The parameters are 32-bit floats in matrices of 1024×1024 and what is left. The bytes are the least that a step \
      has to move: parameters and all state read and written once, gradients read once. An optimizer that touches \
      some state at times only, as lookahead does, moves less than that. The limit is a loop that moves as many \
      arrays without computing, timed in turns with the optimizer.
      """)

  @Argument(help: ArgumentHelp("The optimizer, as 'lookahead(adam(lr=1e-3))'.", valueName: "expression"))
  var expression: String

  @Option(help: ArgumentHelp("Elements of all parameters, 1…1073741824.", valueName: "count"))
  var params = 10_000_000

  @Option(help: ArgumentHelp("Threads, 1…1024. (default: all cores)", valueName: "count"))
  var threads: Int?

  @OptionGroup var registry: RegistryOptions

  @Flag(help: "Prints one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1 << 30).contains(params) else {
      throw ValidationError("--params \(params) is out of range; use 1 to \(1 << 30)")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads) is out of range; use 1 to 1024")
    }
  }

  func perform() throws {
    let threads = threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    let run = try BenchRun(expression, elements: params, threads: threads, registry: registry.registry())
    let result = try run.measure()
    try Console.output(json ? jsonText(result) : result.text)
  }
}
