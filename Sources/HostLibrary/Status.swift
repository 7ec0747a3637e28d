// What goes wrong, as the C interface tells it.

import COptPlugHost
import OptimizerHost

/// A problem of the interface itself, not of the optimizer behind it.
struct HostError: Error, CustomStringConvertible {
  let status: optplug_status
  let description: String

  static func argument(_ problem: String) -> HostError {
    HostError(status: OPTPLUG_INVALID_ARGUMENT, description: problem)
  }
}

/// The caller's `reevaluate` failed; what it says is for itself.
struct EvaluationFailed: Error {
  let status: optplug_status
}

/// Runs the body of a function of the interface and turns what it throws into a status and a message.
func answer(_ error: UnsafeMutablePointer<optplug_error>?, _ body: () throws -> Void) -> optplug_status {
  do {
    try body()
    return OPTPLUG_OK
  } catch let problem as HostError {
    explain(problem.description, in: error)
    return problem.status
  } catch let problem as EvaluationFailed {
    explain("reevaluate failed with status \(problem.status)", in: error)
    return problem.status
  } catch let problem as OptimizerError {
    explain(problem.description, in: error)
    return problem.status
  } catch let problem {
    explain("\(problem)", in: error)
    return OPTPLUG_INTERNAL
  }
}

/// Writes a message where the caller has room for it, cut to fit between two characters.
private func explain(_ text: String, in error: UnsafeMutablePointer<optplug_error>?) {
  guard let error, let message = error.pointee.message else { return }
  let capacity = Int(error.pointee.message_capacity)
  guard error.pointee.struct_size >= OPTPLUG_ERROR_SIZE_1_0, capacity > 0 else { return }
  let bytes = Array(text.utf8)
  var length = min(bytes.count, capacity - 1)
  while length > 0, length < bytes.count, bytes[length] & 0xC0 == 0x80 { length -= 1 }
  for (i, byte) in bytes[..<length].enumerated() { message[i] = CChar(bitPattern: byte) }
  message[length] = 0
}

extension OptimizerError {
  fileprivate var status: optplug_status {
    switch self {
    case .expression, .hyperparameter, .tracing: OPTPLUG_INVALID_ARGUMENT
    case .parameters(let problem):
      problem.hasPrefix("no memory") ? OPTPLUG_RESOURCE_EXHAUSTED : OPTPLUG_INVALID_ARGUMENT
    case .unknownOptimizer: OPTPLUG_NOT_FOUND
    case .plugin, .state, .program: OPTPLUG_FAILED_PRECONDITION
    case .call, .device: OPTPLUG_INTERNAL
    case .formula, .gpu: OPTPLUG_UNIMPLEMENTED
    case .norm: optplug_status(OPTPLUG_HOST_NOT_FINITE)
    }
  }
}
