// Files are written whole or not at all, and nothing but regular files is touched.

import Foundation
import OptimizerHost
import Safetensors
import Testing
import Training

@Suite struct AtomicFileTests {
  private let file = SafetensorsFile(
    tensors: [NamedTensor(name: "a", dtype: .uint8, shape: [2], bytes: [1, 2])])

  private func isUnwritable(_ path: String) -> Bool {
    var errors: [TrainingError] = []
    do throws(TrainingError) { try AtomicFile.requireWritable(path) } catch { errors.append(error) }
    do throws(TrainingError) { try file.write(to: path) } catch { errors.append(error) }
    return errors.count == 2
      && errors.allSatisfy { error in
        if case .unwritable(path, _) = error { true } else { false }
      }
  }

  @Test func checkingLeavesNothingBehind() throws {
    let folder = try TemporaryFolder()
    try AtomicFile.requireWritable(folder.path("new"))
    #expect(try folder.names() == [])
  }

  @Test func replacesAFile() throws {
    let folder = try TemporaryFolder()
    try Data([9, 9, 9]).write(to: URL(fileURLWithPath: folder.path("f")))
    try AtomicFile.requireWritable(folder.path("f"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path("f"))) == Data([9, 9, 9]))
    try file.write(to: folder.path("f"))
    #expect(try SafetensorsFile(reading: folder.path("f")) == file)
    #expect(try folder.names() == ["f"])
  }

  @Test func aReplacedFileKeepsItsPermissions() throws {
    let folder = try TemporaryFolder()
    try Data([9]).write(to: URL(fileURLWithPath: folder.path("f")))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path("f"))
    try file.write(to: folder.path("f"))
    let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("f"))
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test func aLinkToNothingIsRefused() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("link"), withDestinationPath: folder.path("nothing"))
    #expect(isUnwritable(folder.path("link")))
    #expect(try folder.names() == ["link"])
  }

  @Test func replacesTheFileBehindALink() throws {
    let folder = try TemporaryFolder()
    try Data([9]).write(to: URL(fileURLWithPath: folder.path("f")))
    try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: "f")
    try file.write(to: folder.path("link"))
    #expect(try SafetensorsFile(reading: folder.path("f")) == file)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("link")) == "f")
  }

  @Test func refusesFoldersDevicesAndPipes() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    for path in [folder.url.path, folder.path("pipe"), "/dev/null", folder.path("new/"), ""] {
      #expect(isUnwritable(path), "\(path)")
    }
    #expect(isUnwritable(folder.path("missing/f")))
    #expect(try folder.names() == ["pipe"])
  }

  @Test(.timeLimit(.minutes(60))) func readingAPipeDoesNotHang() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
    #expect(throws: TrainingError.unreadable(path: folder.path("pipe"), reason: "not a regular file")) {
      try SafetensorsFile(reading: folder.path("pipe"))
    }
    #expect(throws: TrainingError.notFound(path: folder.path("none"))) {
      try SafetensorsFile(reading: folder.path("none"))
    }
  }
}
