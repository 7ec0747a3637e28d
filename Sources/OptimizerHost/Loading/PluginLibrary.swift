// Loads a plugin's file and reads what it describes.

import COptPlug
import Foundation

/// A loaded plugin. Loaded libraries are never unloaded.
final class PluginLibrary {
  /// The file, absolute.
  let path: String
  /// In the plugin's order, at least one.
  let optimizers: [OptimizerType]

  /// Optimizers may be made on several threads at once, but a plugin's entry need not be prepared for that.
  private static let loading = NSLock()

  /// Loads the file.
  /// - Throws: `OptimizerError.plugin` with the reason why it cannot be used.
  init(_ file: PluginFile) throws {
    path = file.path
    do {
      optimizers = try Self.loading.withLock {
        let entry = try Self.open(file.path)
        var library: UnsafePointer<optplug_library>?
        let (status, message) = withMessage { entry(hostInterface, &library, $0) }
        guard status == OPTPLUG_OK else { throw Refusal.entry(message) }
        return try OptimizerType.read(library, path: file.path)
      }
    } catch let refusal as Refusal {
      throw OptimizerError.plugin(file.path, refusal)
    }
  }

  /// A library that was loaded before, with these of its optimizers.
  init(path: String, optimizers: [OptimizerType]) {
    self.path = path
    self.optimizers = optimizers
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
