// Where a host that is a library, in a program of any language, looks for plugins.

import COptimizerHost
import BasicFoundation

/// The standard places of a host library, which depend on its own file and not on the program that it is part of.
package enum LibraryPlaces {
  /// As `PluginRegistry.standard`, but instead of places beside the program, `optplug` in the library's folder.
  ///
  /// A folder that has the helper as well, as that of a build, is one of plugins too.
  package static func searchPath(
    folder: String = folder, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> [String] {
    let holdsHelper = access("\(folder)/optplug-probe", X_OK) == 0
    return PluginRegistry.standardPath(
      environment, beside: ["\(folder)/optplug"] + (holdsHelper ? [folder] : []))
  }

  /// As `Scanning.standard`, with the helper in the library's folder or in its `../libexec/optplug`.
  package static func scanning(
    folder: String = folder, environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Scanning {
    Scanning.standard(
      environment, helpers: ["\(folder)/optplug-probe", "\(folder)/../libexec/optplug/optplug-probe"])
  }

  /// The folder of the library that this code is part of, links resolved.
  package static let folder: String = {
    let file = optimizer_host_file().map { String(cString: $0) } ?? "/"
    return URL(fileURLWithPath: file).resolvingSymlinksInPath().deletingLastPathComponent().path
  }()
}
