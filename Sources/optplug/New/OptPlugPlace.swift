// Where a new plugin finds the header or the package that it is built with.

import ArgumentParser
import Foundation

enum OptPlugPlace {
  /// The folder of optplug.h.
  /// - Parameter stated: OptPlug's folder, or that of the header; nil: looked for above this program.
  static func header(_ stated: String?) throws -> String {
    let places = stated.map { [absolute($0)] } ?? above
    let folders = places.flatMap { ["\($0)/include", $0] }
    guard let folder = folders.first(where: { isFile("\($0)/optplug.h") }) else {
      throw ValidationError(
        stated.map { "there is no optplug.h in \($0) or \($0)/include; name OptPlug's folder with --optplug" }
          ?? "optplug.h is not found above this program; say where OptPlug is with --optplug")
    }
    return folder
  }

  /// The package's folder, or its address as stated.
  static func package(_ stated: String?) throws -> String {
    if let stated, isAddress(stated) { return stated }
    let places = stated.map { [absolute($0)] } ?? above
    guard
      let place = places.first(where: { isFile("\($0)/Package.swift") && isFile("\($0)/include/optplug.h") })
    else {
      throw ValidationError(
        stated.map { "\($0) is not OptPlug's package; name its folder or its address with --optplug" }
          ?? "OptPlug's package is not found above this program; name its folder or its address with --optplug"
      )
    }
    return place
  }

  static func isAddress(_ text: String) -> Bool { text.contains("://") || text.hasPrefix("git@") }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
  }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// The folders above the program: that of the repository is among them, or the prefix of an installation.
  private static var above: [String] {
    guard var place = Bundle.main.executableURL?.resolvingSymlinksInPath() else { return [] }
    var folders: [String] = []
    while place.path != "/" {
      place = place.deletingLastPathComponent()
      folders.append(place.path)
    }
    return folders
  }
}
