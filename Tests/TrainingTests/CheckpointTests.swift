// Damage to a checkpoint shows, wherever it is; other programs read the file and write it back.

import Foundation
import OptimizerHost
import Safetensors
import Testing
import Training

@Suite struct CheckpointTests {
  private let folder: TemporaryFolder
  private let checkpoint: Checkpoint
  private let path: String
  private let bytes: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    let trainer = try smallTrainer(OptimizerRequest(expression: "lookahead(adam)")) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [2]
    }
    _ = try trainer.train { trainer.state.position.step == 3 }
    checkpoint = try trainer.checkpoint()
    path = folder.path("c.safetensors")
    try checkpoint.write(to: path)
    bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  private func finding(in bytes: some Sequence<UInt8>) throws -> String? {
    let file = folder.path("damaged")
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    do throws(TrainingError) {
      _ = try Checkpoint(reading: file)
      return nil
    } catch {
      guard case .damagedCheckpoint(file, let finding) = error else { return nil }
      return finding
    }
  }

  @Test func comesBackAsItWas() throws {
    #expect(try Checkpoint(reading: path) == checkpoint)
    #expect(checkpoint.facts.state.position.step == 3 && checkpoint.facts.nonFinite == nil)
    #expect(checkpoint.facts.optimizers.map(\.name) == ["lookahead", "adam"])
    #expect(
      checkpoint.facts.optimizers.map { $0.slots.map(\.name) } == [["slow"], ["exp_avg", "exp_avg_sq"]])
  }

  /// Each byte of the header, and one in 97 of the data, which are all treated alike.
  @Test func everyChangedByteShows() throws {
    let header = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    var places = Array(0..<header)
    places += stride(from: header, to: bytes.count, by: 97)
    places.append(bytes.count - 1)
    var random = SystemRandomNumberGenerator()
    for place in places {
      let bits: [UInt8] = [1, 0x20, 0x80, UInt8.random(in: 1...255, using: &random)]
      for bit in place % 8 == 0 || place >= header ? bits : [bits[place % 4]] {
        var damaged = bytes
        damaged[place] ^= bit
        #expect(throws: SafetensorsFile.Malformed.self, "byte \(place), bits \(bit)") {
          try SafetensorsFile(verifying: damaged)
        }
      }
    }
  }

  @Test func everyTruncationShows() throws {
    for count in Array(stride(from: 0, to: bytes.count, by: 61)) + [bytes.count - 1] {
      #expect(throws: SafetensorsFile.Malformed.self, "\(count) bytes") {
        try SafetensorsFile(verifying: Array(bytes[..<count]))
      }
    }
    #expect(try finding(in: bytes + [0])?.contains("bytes of data") == true)
  }

  @Test func theDamagedTensorIsNamed() throws {
    let start = 8 + bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    var damaged = bytes
    damaged[start + 5] ^= 4
    let first = try #require(SafetensorsFile(verifying: bytes).tensors.first)
    #expect(try finding(in: damaged)?.contains("tensor \(first.name) is damaged") == true)
  }

  @Test func otherFilesAreRefused() throws {
    #expect(try finding(in: Array("{}".utf8)) != nil)
    let plain = SafetensorsFile(
      tensors: [NamedTensor(name: "a", dtype: .uint8, shape: [1], bytes: [1])], metadata: [:])
    #expect(try finding(in: plain.header + [1])?.contains("no checksums") == true)
    let sealed = plain.withChecksums()
    #expect(try finding(in: sealed.header + [1])?.contains("no run") == true)
    #expect(throws: TrainingError.notFound(path: folder.path("none"))) {
      try Checkpoint(reading: folder.path("none"))
    }
  }

  @Test func namesWhatIsNotFinite() throws {
    let trainer = try smallTrainer()
    let tensor = try #require(trainer.network.parameters.last)
    tensor.values[1] = -.infinity
    #expect(try trainer.checkpoint().facts.nonFinite == tensor.name)
    tensor.values[1] = .greatestFiniteMagnitude
    #expect(try trainer.checkpoint().facts.nonFinite == nil)
  }

  @Test(arguments: [
    ("", "00000000"), ("123456789", "cbf43926"),
    ("The quick brown fox jumps over the lazy dog", "414fa339"),
  ])
  func checksumsAreZlibs(text: String, expected: String) {
    var checksum = CRC32()
    checksum.add(Array(text.utf8))
    #expect(checksum.hex == expected)
    // In parts of any length.
    var parts = CRC32()
    for byte in text.utf8 { parts.add([byte]) }
    #expect(parts.hex == expected)
  }
}
