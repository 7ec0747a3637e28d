// Loads a plugin's file and reads what it describes.

import COptPlug
import Foundation

/// A loaded plugin. Loaded libraries are never unloaded.
final class PluginLibrary {
  /// The file, absolute.
  let path: String
  /// In the plugin's order, at least one.
  let optimizers: [OptimizerType]

  /// Loads the file.
  /// - Throws: `OptimizerError.plugin` with the reason why it cannot be used.
  init(_ file: PluginFile) throws {
    path = file.path
    do {
      let entry = try Self.open(file.path)
      var library: UnsafePointer<optplug_library>?
      let (status, message) = withMessage { entry(hostInterface, &library, $0) }
      guard status == OPTPLUG_OK else { throw Refusal.entry(message) }
      optimizers = try OptimizerType.read(library, path: file.path)
    } catch let refusal as Refusal {
      throw OptimizerError.plugin(file.path, refusal)
    }
  }

  private static func open(_ path: String) throws -> optplug_entry_v1_function {
    // RTLD_NODELETE: descriptors and code stay valid for ever. Some compilers' start-up code changes the
    // floating-point mode of the thread that loads, which must not reach the trainer.
    let handle = keepingFloatingPointMode { dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else {
      let message = dlerror().map { String(cString: $0) } ?? "the loader gives no reason"
      if let library = missingLibrary(message), !path.hasSuffix("/" + library), library != path {
        throw Refusal.missingDependency(library)
      }
      throw Refusal.loader(message)
    }
    guard let symbol = dlsym(handle, entrySymbol) else { throw Refusal.noEntrySymbol }
    return unsafeBitCast(symbol, to: optplug_entry_v1_function.self)
  }

  /// The name in "libx.so: cannot open shared object file: …" (Linux) or "Library not loaded: x" (macOS).
  private static func missingLibrary(_ message: String) -> String? {
    if let end = message.range(of: ": cannot open shared object file") {
      return String(message[..<end.lowerBound])
    }
    guard let start = message.range(of: "Library not loaded: ") else { return nil }
    return message[start.upperBound...].split(whereSeparator: \.isNewline).first.map(String.init)
  }
}

/// This host, as plugins see it.
nonisolated(unsafe) let hostInterface: UnsafePointer<optplug_host> = {
  let host = UnsafeMutablePointer<optplug_host>.allocate(capacity: 1)
  host.initialize(
    to: optplug_host(
      struct_size: UInt32(MemoryLayout<optplug_host>.size), abi_minor: OPTPLUG_ABI_MINOR,
      name: permanent("OptPlug"), version: permanent("0.1.0"), get_extension: { _, _ in nil }))
  return UnsafePointer(host)
}()

private func permanent(_ text: String) -> UnsafePointer<CChar>? { strdup(text).map { UnsafePointer($0) } }

/// Calls a plugin's function with room for a message; answers its status and the message, never empty. The thread's
/// floating-point mode is the same afterwards.
func withMessage(_ body: (UnsafeMutablePointer<optplug_error>) -> optplug_status) -> (optplug_status, String)
{
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
    buffer.initialize(repeating: 0)
    var error = optplug_error(
      struct_size: UInt32(MemoryLayout<optplug_error>.size), message_capacity: UInt32(buffer.count),
      message: buffer.baseAddress)
    let status = keepingFloatingPointMode { body(&error) }
    buffer[buffer.count - 1] = 0
    guard status != OPTPLUG_OK, let start = buffer.baseAddress else { return (status, "") }
    let message = String(cString: start)
    return (status, message.isEmpty ? statusName(status) : message)
  }
}

func statusName(_ status: optplug_status) -> String {
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
