// Loads a plugin's file and reads what it describes.

import COptPlug
import BasicFoundation

/// A loaded plugin. Loaded libraries are never unloaded.
final class PluginLibrary {
  let file: PluginFile
  /// The minor versions of the ABI that it was built with and that it needs.
  let abi: (built: UInt32, required: UInt32)
  /// In the plugin's order, at least one.
  let optimizers: [OptimizerType]

  /// Optimizers may be made on several threads at once, but a plugin's entry need not be prepared for that.
  private static let loading = Lock()

  /// Loads the file.
  /// - Parameter progress: hears which code of the plugin is about to run.
  /// - Throws: `OptimizerError.plugin` with the reason why it cannot be used.
  init(_ file: PluginFile, progress: (ProbeStage) -> Void = { _ in }) throws {
    self.file = file
    do {
      (optimizers, abi) = try Self.loading.withLock {
        progress(.loading)
        let entry = try Self.open(file.path)
        progress(.entering)
        var library: UnsafePointer<optplug_library>?
        let (status, message) = withMessage { entry(hostInterface, &library, $0) }
        guard status == OPTPLUG_OK else { throw Refusal.entry(message) }
        progress(.describing)
        let optimizers = try OptimizerType.read(library, path: file.path, hash: file.hash)
        let abi = library.map { ($0.pointee.abi_minor_built, $0.pointee.abi_minor_required) }
        return (optimizers, abi ?? (0, 0))
      }
    } catch let refusal as Refusal {
      throw OptimizerError.plugin(file.path, refusal)
    }
  }

  /// A library that was loaded before, with these in place of its optimizers.
  init(_ library: PluginLibrary, optimizers: [OptimizerType]) {
    (file, abi) = (library.file, library.abi)
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
    if let end = message.firstRange(of: ": cannot open shared object file") {
      return String(message[..<end.lowerBound])
    }
    guard let start = message.firstRange(of: "Library not loaded: ") else { return nil }
    return message[start.upperBound...].split(whereSeparator: \.isNewline).first.map(String.init)
  }
}
