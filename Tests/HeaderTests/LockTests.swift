// The headers against what was released: old layouts are prefixes of new ones, constants never change.

import Foundation
import TestSupport
import Testing

@Suite struct LockTests {
  private static let locks = Repository.file("Tests/HeaderTests/Lock")

  private static let all =
    ((try? FileManager.default.contentsOfDirectory(atPath: locks.path)) ?? []).filter { $0.hasSuffix(".txt") }
    .sorted()
  private static let releases = all.filter { !$0.hasPrefix("host-") }
  private static let hostReleases = all.filter { $0.hasPrefix("host-") }

  private let current, currentHost: HeaderLayout

  init() throws {
    current = try HeaderLayout(of: Repository.file("include/optplug.h"))
    currentHost = try HeaderLayout(of: Repository.file("include/optplug_host.h"))
  }

  private func lock(_ release: String) throws -> HeaderLayout {
    HeaderLayout(
      parsing: try String(contentsOf: Self.locks.appendingPathComponent(release), encoding: .utf8))
  }

  @Test func aReleaseIsLocked() {
    #expect(Self.releases.first == "1.0.txt" && Self.hostReleases.first == "host-1.0.txt")
  }

  @Test(arguments: releases) func theHeaderKeepsWhatWasReleased(_ release: String) throws {
    let lock = try lock(release)
    #expect(lock.structs.count >= 24 && lock.constants.count >= 60, "the lock was not read")
    #expect(lock.breaches(in: current) == [])
  }

  @Test(arguments: hostReleases) func theHostsHeaderKeepsWhatWasReleased(_ release: String) throws {
    let lock = try lock(release)
    #expect(lock.structs.count >= 32 && lock.constants.count >= 80, "the lock was not read")
    #expect(lock.functions.filter { $0.contains("optplug_host_") }.count >= 17)
    #expect(lock.breaches(in: currentHost) == [])
  }

  /// The newest lock says all that the header says, so that nothing is released unlocked.
  @Test func nothingIsUnlocked() throws {
    #expect(try current.breaches(in: lock(#require(Self.releases.last))) == [])
    #expect(try currentHost.breaches(in: lock(#require(Self.hostReleases.last))) == [])
  }

  /// Changes of the header with what the lock must say; none where the change is allowed.
  @Test(arguments: [
    ("void *base_gradient;", "void *base_gradient; uint64_t newer;", []),
    ("#define OPTPLUG_OK 0", "#define OPTPLUG_OK 0\n#define OPTPLUG_NEWER 77", []),
    ("void *parameter;", "uint64_t newer; void *parameter;", ["optplug_segment"]),
    ("int64_t parameter_step;", "uint64_t parameter_step;", ["optplug_segment"]),
    ("double loss;", "double cost;", ["optplug_frame", "optplug_pass"]),
    ("#define OPTPLUG_SHAPE_EXPLICIT 1u", "#define OPTPLUG_SHAPE_EXPLICIT 7u", ["OPTPLUG_SHAPE_EXPLICIT"]),
    ("#define OPTPLUG_LOG_INFO 1u\n", "", ["OPTPLUG_LOG_INFO"]),
    ("uint16_t lanes;", "uint16_t lanes; uint32_t newer;", ["optplug_dtype"]),
    ("const optplug_library **library,", "optplug_library **library,", ["optplug_entry_v1"]),
  ])
  func aChangeIsSeen(_ old: String, _ new: String, _ named: [String]) throws {
    let text = try String(contentsOf: Repository.file("include/optplug.h"), encoding: .utf8)
    #expect(text.contains(old))
    let folder = try TemporaryFolder()
    // Sizes are asserted in the header too; here only the lock shall speak.
    let changed = text.replacing(old, with: new).replacing(/OPTPLUG_ASSERT\([a-z].*;/, with: "")
    let header = try folder.write("optplug.h", changed.utf8)
    let breaches = current.breaches(in: try HeaderLayout(of: URL(fileURLWithPath: header)))
    for name in named { #expect(breaches.contains { $0.contains(name) }, "\(breaches)") }
    #expect(!named.isEmpty || breaches.isEmpty, "\(breaches)")
  }
}
