// What goes around every call of a plugin's function: room for a message, and the floating-point mode kept.

import COptPlug
import BasicFoundation

/// Memory for the message of a call that fails.
final class MessageBuffer {
  /// What the plugin gets.
  let error: UnsafeMutablePointer<optplug_error>
  private let text: UnsafeMutableBufferPointer<CChar>

  init() {
    text = .allocate(capacity: 512)
    text.initialize(repeating: 0)
    error = .allocate(capacity: 1)
    error.initialize(
      to: optplug_error(
        struct_size: UInt32(MemoryLayout<optplug_error>.size), message_capacity: UInt32(text.count),
        message: text.baseAddress))
  }

  deinit {
    text.deallocate()
    error.deallocate()
  }

  /// The message of a call that answered `status`, never empty; the buffer is empty afterwards.
  func take(_ status: optplug_status) -> String {
    text[text.count - 1] = 0
    let message = text.baseAddress.map { String(cString: $0) } ?? ""
    text.update(repeating: 0)
    return message.isEmpty ? statusName(status) : message
  }
}

/// Calls a plugin's function with room for a message; answers its status and the message, never empty for a failure.
/// The thread's floating-point mode is the same afterwards.
func withMessage(_ body: (UnsafeMutablePointer<optplug_error>) -> optplug_status) -> (optplug_status, String)
{
  let buffer = MessageBuffer()
  let status = keepingFloatingPointMode { body(buffer.error) }
  return (status, status == OPTPLUG_OK ? "" : buffer.take(status))
}

private func statusName(_ status: optplug_status) -> String {
  switch status {
  case OPTPLUG_INVALID_ARGUMENT: "invalid argument"
  case OPTPLUG_NOT_FOUND: "not found"
  case OPTPLUG_RESOURCE_EXHAUSTED: "out of memory"
  case OPTPLUG_FAILED_PRECONDITION: "failed precondition"
  case OPTPLUG_UNIMPLEMENTED: "not supported"
  default: "internal error (status \(status))"
  }
}

/// Runs `body` and puts the thread's floating-point mode (rounding, flushing of denormals) back as it was.
func keepingFloatingPointMode<R>(_ body: () throws -> R) rethrows -> R {
  var mode = fenv_t()
  fegetenv(&mode)
  defer { fesetenv(&mode) }
  return try body()
}
