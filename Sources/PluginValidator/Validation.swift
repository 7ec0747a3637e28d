// Runs cases over a plugin, in processes of their own and several at a time.

import CPluginValidator
import Foundation
import OptimizerHost

/// A run over one plugin.
public struct Validation: Sendable {
  /// The plugin's file.
  public let path: String
  /// Which cases to run and tell of.
  public let cases: [ValidationCase]
  /// Of all random inputs: equal seeds, equal inputs.
  public let seed: UInt64
  /// The command that runs `runChild` with the arguments behind it; nil: everything runs in this process, which
  /// then may die with the plugin.
  public let command: [String]?
  /// How many processes run at a time.
  public let jobs: Int
  /// Seconds after which a case's process is killed; nil: as long as the case allows.
  public let timeLimit: Double?

  public init(
    path: String, cases: [ValidationCase] = ValidationCase.all, seed: UInt64, command: [String]?,
    timeLimit: Double? = nil, jobs: Int = ProcessInfo.processInfo.activeProcessorCount
  ) {
    self.timeLimit = timeLimit
    self.path = path
    self.cases = cases
    self.seed = seed
    self.command = command
    self.jobs = jobs
  }

  /// One case for one optimizer of the plugin, or for the library.
  private struct Task: Sendable {
    let validationCase: ValidationCase
    let optimizer: String?
  }

  /// Runs every case; answers the results in the order of the cases, optimizer by optimizer.
  public func run() -> [CaseResult] {
    var results: [CaseResult] = []
    var optimizers: [String]?
    let library = gate(.library, nil, &results) { optimizers = $0.optimizers ?? optimizers }
    guard library.isPassed, let optimizers else {
      let reason = "the plugin is not loaded; see '\(library.failed ?? "loads")'"
      return ordered(results + rest(after: results, optimizers: [nil]).map { skipped($0, reason) })
    }
    var ready: [Task] = []
    for optimizer in optimizers {
      let instance = gate(.instance, optimizer, &results)
      let step = instance.isPassed ? gate(.step, optimizer, &results) : instance
      for task in rest(after: results, optimizers: [optimizer]) where task.optimizer != nil {
        let reached: ValidationCase.Need =
          step.isPassed ? .step : instance.isPassed ? .instance : .library
        if task.validationCase.need <= reached {
          ready.append(task)
        } else {
          results.append(
            skipped(task, "the optimizer does not get so far; see '\(step.failed ?? instance.failed ?? "")'"))
        }
      }
    }
    ready += rest(after: results, optimizers: [nil]).filter { $0.validationCase.isOfLibrary }
    return ordered(results + perform(ready))
  }

  /// Runs the cases that show whether the plugin gets as far as others need.
  private func gate(
    _ need: ValidationCase.Need, _ optimizer: String?, _ results: inout [CaseResult],
    report: (ChildReport) -> Void = { _ in }
  ) -> (isPassed: Bool, failed: String?) {
    let names = ValidationCase.gates.filter { $0.need == need }.flatMap(\.names)
    var failed: String?
    for validationCase in ValidationCase.all where names.contains(validationCase.name) {
      let (result, child) = perform(Task(validationCase: validationCase, optimizer: optimizer))
      report(child)
      if result.outcome.isBad, failed == nil { failed = result.name }
      results.append(result)
    }
    return (failed == nil, failed)
  }

  /// What has no result yet.
  private func rest(after results: [CaseResult], optimizers: [String?]) -> [Task] {
    cases.flatMap { validationCase in
      (validationCase.isOfLibrary ? [nil] : optimizers).compactMap { optimizer in
        results.contains { $0.name == validationCase.name && $0.optimizer == optimizer }
          ? nil : Task(validationCase: validationCase, optimizer: optimizer)
      }
    }
  }

  private func skipped(_ task: Task, _ reason: String) -> CaseResult {
    CaseResult(
      name: task.validationCase.name, group: task.validationCase.group, optimizer: task.optimizer,
      outcome: .skipped, message: reason, seconds: 0)
  }

  private func perform(_ tasks: [Task]) -> [CaseResult] {
    guard command != nil, jobs > 1 else { return tasks.map { perform($0).result } }
    let results = Collected()
    let queue = OperationQueue()
    queue.maxConcurrentOperationCount = jobs
    // Long ones first, so that no core waits for the last.
    for task in tasks.sorted(by: { $0.validationCase.timeLimit > $1.validationCase.timeLimit }) {
      queue.addOperation { [self] in results.append(perform(task).result) }
    }
    queue.waitUntilAllOperationsAreFinished()
    return results.all
  }

  private final class Collected: @unchecked Sendable {
    private let lock = NSLock()
    // Guarded by `lock`.
    private var results: [CaseResult] = []

    func append(_ result: CaseResult) { lock.withLock { results.append(result) } }

    var all: [CaseResult] { lock.withLock { results } }
  }

  private func perform(_ task: Task) -> (result: CaseResult, child: ChildReport) {
    let start = Date()
    let child: ChildReport
    if let command {
      let request = ChildRequest(
        path: path, caseName: task.validationCase.name, optimizer: task.optimizer, seed: seed)
      child = Sandbox.run(command + request.arguments, limit: timeLimit ?? task.validationCase.timeLimit)
    } else {
      child = task.validationCase.report(on: Subject(path: path, optimizer: task.optimizer, seed: seed))
    }
    let result = CaseResult(
      name: task.validationCase.name, group: task.validationCase.group, optimizer: task.optimizer,
      outcome: child.outcome, message: child.message, seconds: Date().timeIntervalSince(start))
    return (result, child)
  }

  /// In the order of the cases, and only those that were asked for.
  private func ordered(_ results: [CaseResult]) -> [CaseResult] {
    let optimizers = results.map(\.optimizer).reduce(into: [String?]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    return cases.flatMap { validationCase in
      results.filter { $0.name == validationCase.name }.sorted {
        (optimizers.firstIndex(of: $0.optimizer) ?? 0) < (optimizers.firstIndex(of: $1.optimizer) ?? 0)
      }
    }
  }

  /// What a child does: runs the case that the arguments name and writes the report to its file 3.
  /// - Returns: whether it could; the process should then end without any further code of the plugin.
  public static func runChild(_ arguments: [String]) -> Bool {
    guard let request = ChildRequest(arguments),
      let validationCase = ValidationCase.all.first(where: { $0.name == request.caseName })
    else { return false }
    plugin_validator_report_faults(3)
    let report = validationCase.report(
      on: Subject(path: request.path, optimizer: request.optimizer, seed: request.seed))
    guard let data = try? JSONEncoder().encode(report) else { return false }
    return FileHandle(fileDescriptor: 3).tryWrite(data)
  }
}

extension FileHandle {
  fileprivate func tryWrite(_ data: Data) -> Bool { (try? write(contentsOf: data)) != nil }
}
