// The limit's side: the traffic of each optimizer without its arithmetic.

import CMemoryLimit
import Foundation

/// What no optimizer can beat, since it has to move as much memory.
final class LimitContender: Contender {
  let name = "limit"
  let implementations = ["limit"]
  private let threads: Int
  private var teams: [Int: Team] = [:]

  /// - Parameter threads: of cases that do not say how many.
  init(threads: Int) { self.threads = threads }

  func prepare(_ stepCase: StepCase, _: String) throws -> LimitSteps {
    let elements = try elementCount(stepCase.tensors)
    guard elements > 0 else { throw Refusal("the tensors have no elements") }
    let team = try team(stepCase.threads ?? threads)
    let updated = try updatedArrays(stepCase)
    guard let work = memory_limit_prepare(team.pointer, elements, updated, stepCase.clip != nil) else {
      throw Refusal("there is no memory for \(updated + 1) arrays of \(elements) elements")
    }
    return LimitSteps(work, team)
  }

  private func team(_ threads: Int) throws -> Team {
    if let team = teams[threads] { return team }
    guard let pointer = memory_limit_team_start(Int32(threads)) else {
      throw Refusal("\(threads) threads cannot be started")
    }
    let team = Team(pointer)
    teams[threads] = team
    return team
  }

  /// The parameters and the state that a step reads and writes.
  private func updatedArrays(_ stepCase: StepCase) throws -> Int32 {
    func value(_ name: String) -> Double { stepCase.hyperparameters?[name]?.number ?? 0 }
    switch stepCase.optimizer {
    case "sgd": return value("momentum") != 0 ? 2 : 1
    case "adam", "adamw": return value("amsgrad") != 0 ? 4 : 3
    // Less often than at every step, the slow weights are left out: the limit is then a little too low.
    case "lookahead-adam": return value("k") == 1 ? 4 : 3
    default: throw Refusal("nothing is known of the traffic of '\(stepCase.optimizer)'")
    }
  }
}

/// Threads that end with the last case that needs them.
final class Team {
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }

  deinit { memory_limit_team_stop(pointer) }
}

/// The arrays of one case.
final class LimitSteps: PreparedSteps {
  private let work: OpaquePointer
  private let team: Team

  init(_ work: OpaquePointer, _ team: Team) {
    self.work = work
    self.team = team
  }

  deinit { memory_limit_release(work) }

  func step(count: Int) {
    for _ in 0..<count { memory_limit_step(work) }
  }

  func values() throws -> Data { throw Refusal("the limit computes no values") }
}
