// The content hash, against published values.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct SHA256Tests {
  private func hash(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { SHA256.hex(of: $0) } }

  /// NIST's examples (https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values) and the
  /// million of its long test.
  @Test func publishedValues() {
    #expect(hash([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(hash(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      hash(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      hash(Array(repeating: UInt8(ascii: "a"), count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  /// Every length of the last block, against the system's own program.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/sha256sum"))) func everyTail()
    throws
  {
    let folder = try TemporaryFolder()
    let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let lengths = Array(0...200)
    let files = try lengths.map { try folder.write("\($0)", bytes.prefix($0)) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
    process.arguments = files
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let theirs = text.split(separator: "\n").map { String($0.prefix(64)) }
    #expect(theirs == lengths.map { hash(Array(bytes.prefix($0))) })
  }
}
