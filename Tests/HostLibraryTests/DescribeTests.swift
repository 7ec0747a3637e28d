// What the library tells without an optimizer, and where it looks for plugins.

import COptPlugHost
import Foundation
import OptimizerHost
import TestSupport
import Testing

/// Asks in two calls, as a trainer in C does.
private func describe(_ expression: String?, path: String? = nil) throws(Failure) -> String {
  let arena = Arena()
  let (expression, path) = (expression.map(arena.text), path.map(arena.text))
  var size: UInt64 = 0
  try call { Library.describe(expression, path, nil, nil, 0, &size, $0) }
  var text = [CChar](repeating: 0x7F, count: Int(size) + 1)
  try call { Library.describe(expression, path, nil, &text, size - 1, &size, $0) }
  guard text.allSatisfy({ $0 == 0x7F }) else { return "it wrote where there was too little room" }
  try call { Library.describe(expression, path, nil, &text, size, &size, $0) }
  guard text[Int(size) - 1] == 0, text[Int(size)] == 0x7F else { return "it wrote another size than it said" }
  return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}

@Suite struct DescribeTests {
  private let registry = BuildProducts.registry()

  @Test func anExpressionAsInspectDoes() throws {
    let folder = BuildProducts.directory.path
    #expect(
      try describe("adam", path: folder) == registry.describe(OptimizerExpression(parsing: "adam")).json())
    let file = BuildProducts.plugin("SGD").path
    #expect(try describe(file) == registry.describe(OptimizerExpression(parsing: file)).json())
  }

  @Test func aSearchPathAsListDoes() throws {
    let folder = try TemporaryFolder()
    for name in ["SGD", "Lookahead"] { _ = try folder.copy(BuildProducts.plugin(name), as: "lib\(name).so") }
    let list = try describe(nil, path: folder.url.path)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(list.utf8)) as? [String: Any])
    #expect(!object.isEmpty && list.contains("libSGD.so") && list.contains("\"lookahead\""))
    #expect(!list.contains("libAdam.so"))
  }

  @Test func whatItCannotDescribe() {
    func status(_ expression: String) -> optplug_status? {
      do {
        _ = try describe(expression, path: BuildProducts.directory.path)
        return nil
      } catch { return error.status }
    }
    #expect(status("adma") == OPTPLUG_NOT_FOUND)
    #expect(status("adam(") == OPTPLUG_INVALID_ARGUMENT)
    #expect(status("/none.so") == OPTPLUG_FAILED_PRECONDITION)
  }

  /// The folder of a build holds the library, its helper and the plugins, whatever the program is.
  @Test func theBuildsOwnPluginsAreFound() throws {
    #expect(try describe("lookahead").contains(BuildProducts.plugin("Lookahead").path))
  }
}

/// An installation of its own, and a program in C that is elsewhere.
@Suite(.enabled(if: Platform.usesELF)) struct PlacesTests {
  private static let source = """
    // Lists what the library finds.
    #include <optplug_host.h>
    #include <stdio.h>
    int main(void) {
      static char text[1 << 20], message[4096];
      optplug_error error = {sizeof error, sizeof message, message};
      uint64_t size;
      if (optplug_host_describe(NULL, NULL, NULL, text, sizeof text, &size, &error) != OPTPLUG_OK) return puts(message), 1;
      return puts(text) < 0;
    }
    """

  @Test func pluginsLieBesideTheLibrary() throws {
    let folder = try TemporaryFolder()
    for name in ["lib/optplug", "libexec/optplug", "bin", "home/.local/lib/optplug", "own"] {
      try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
    }
    let library = try folder.copy(URL(fileURLWithPath: Library.file), as: "lib/liboptplug.so.1")
    _ = try folder.copy(BuildProducts.plugin("Adam"), as: "lib/optplug/libAdam.so")
    // Neither in the library's own folder nor beside the program.
    _ = try folder.copy(BuildProducts.plugin("SGD"), as: "lib/libSGD.so")
    _ = try folder.copy(BuildProducts.plugin("SGD"), as: "bin/libSGD.so")
    _ = try folder.copy(BuildProducts.plugin("Lion"), as: "home/.local/lib/optplug/libLion.so")
    _ = try folder.copy(BuildProducts.plugin("Muon"), as: "own/libMuon.so")
    _ = try folder.copy(
      BuildProducts.directory.appendingPathComponent("optplug-probe"), as: "libexec/optplug/optplug-probe")
    let program = folder.path("bin/list")
    try Compiler.cc.run([
      "-std=c99", "-I", Repository.file("include").path, "-o", program,
      try folder.write("list.c", Self.source.utf8),
      library, "-Wl,-rpath,\(folder.path("lib"))",
    ])
    func list(_ environment: [String]) throws -> String {
      try Compiler("env").output(["-i", "HOME=\(folder.path("home"))"] + environment + [program])
        .replacing("\\/", with: "/")
    }
    // Unknown files could not be listed without the helper.
    let found = try list([])
    #expect(found.contains(folder.path("lib/optplug/libAdam.so")) && found.contains("adamw"), "\(found)")
    #expect(found.contains(folder.path("home/.local/lib/optplug/libLion.so")) && found.contains("\"lion\""))
    #expect(!found.contains("SGD") && !found.contains("Muon"))
    let more = try list(["OPTPLUG_PATH=\(folder.path("own"))"])
    #expect(
      more.contains(folder.path("own/libMuon.so")) && more.contains("\"muon\"") && more.contains("libAdam.so")
    )
    #expect(
      try list(["OPTPLUG_PROBE=/none", "XDG_CACHE_HOME=\(folder.path("cache"))"]).contains("\"adamw\"")
        == false)
  }
}
