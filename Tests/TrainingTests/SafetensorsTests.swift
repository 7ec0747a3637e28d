// Safetensors: what is written is read back, Python's files are read, broken files are refused.

import Foundation
import OptimizerHost
import Safetensors
import Testing
import Training

@Suite struct SafetensorsTests {
  private static let sample = SafetensorsFile(
    tensors: [
      NamedTensor(name: "conv1.weight", dtype: .float32, shape: [2, 1], bytes: [0, 0, 128, 63, 1, 2, 3, 4]),
      NamedTensor(name: "counts", dtype: .uint8, shape: [3], bytes: [7, 8, 9]),
      NamedTensor(name: "scalar", dtype: .float64, shape: [], bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
      NamedTensor(name: "empty", dtype: .float32, shape: [0, 4], bytes: []),
    ],
    metadata: ["format": "pt", "odd \"key\"\\": "tab\tline\nünï 🙂"])

  @Test func readsBackWhatItWrote() throws {
    let folder = try TemporaryFolder()
    try Self.sample.write(to: folder.path("a.safetensors"))
    #expect(try SafetensorsFile(reading: folder.path("a.safetensors")) == Self.sample)
    #expect(try folder.names() == ["a.safetensors"])
  }

  @Test func dataBeginAtAMultipleOfEight() throws {
    let folder = try TemporaryFolder()
    for length in 1...9 {
      let name = String(repeating: "x", count: length)
      let file = SafetensorsFile(tensors: [NamedTensor(name: name, dtype: .uint8, shape: [1], bytes: [1])])
      try file.write(to: folder.path("f"))
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path("f")))
      #expect(bytes.count % 8 == 1)
      #expect(try SafetensorsFile(reading: folder.path("f")) == file)
    }
  }

  /// Made by Python's safetensors 0.x `save`, with an escaped name in its metadata.
  @Test func readsAPythonFile() throws {
    let text =
      "6AAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCIsIm7DqVwidyI6ImFcbmIifSwic3RlcCI6eyJkdH"
      + "lwZSI6Ikk2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzAsOF19LCJjb252MS53ZWlnaHQiOnsiZHR5cGUi"
      + "OiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzgsMzJdfSwiZW1wdHkiOnsiZHR5cGUiOiJGMzIiLC"
      + "JzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzMyLDMyXX19BwAAAAAAAAAAAAAAAACAPgAAAD8AAEA/AACAPwAA"
      + "oD8="
    let bytes = try #require(Data(base64Encoded: text))
    let file = try SafetensorsFile(bytes: Array(bytes), path: "python")
    #expect(file.metadata == ["format": "pt", "né\"w": "a\nb"])
    let weight = try #require(file[name: "conv1.weight"])
    #expect(weight.shape == [2, 3] && weight.dtype == .float32)
    let values = weight.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(values == [0, 0.25, 0.5, 0.75, 1, 1.25])
    #expect(file[name: "step"]?.bytes == [7, 0, 0, 0, 0, 0, 0, 0])
    #expect(file[name: "empty"]?.shape == [0, 4])
  }

  private func reason(_ header: String, data: Int = 0, length: UInt64? = nil) -> String {
    let length = length ?? UInt64(header.utf8.count)
    let bytes =
      (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
      + [UInt8](repeating: 0, count: data)
    do throws(TrainingError) {
      _ = try SafetensorsFile(bytes: bytes, path: "f")
      return "accepted"
    } catch {
      guard case .malformedWeights("f", let reason) = error else { return "\(error)" }
      return reason
    }
  }

  private static let entry = #""dtype":"F32","shape":[2],"data_offsets":[0,8]"#

  @Test func acceptsTheBareMinimum() {
    #expect(reason("{}") == "accepted")
    #expect(reason(#"{"a":{\#(Self.entry)}}"#, data: 8) == "accepted")
    #expect(reason(" {\n\"a\" : { \(Self.entry) }\t} ", data: 8) == "accepted")
    #expect(reason(#"{"\u00e9\ud83d\ude42":{\#(Self.entry)}}"#, data: 8) == "accepted")
  }

  @Test(arguments: [
    ("", "ends too early"), ("[]", "no JSON object"), ("{", "quotation marks"), ("{} x", "text behind"),
    (#"{"a":{"dtype":"F32"}}"#, "lacks a valid"), (#"{"a":7}"#, "lacks a valid"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "unexpected '-'"),
    (#"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#, "not whole"),
    (#"{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}"#, "begins with 0"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#, "lacks a valid"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "its shape needs 8"),
    (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "its shape needs 12"),
    (#"{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#, "F99"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,2],"data_offsets":[0,8]}}"#, "too large"),
    (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#, "too large"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, "lacks a valid"),
    (#"{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "there twice"),
    (#"{"__metadata__":{"a":1}}"#, "no text"), (#"{"__metadata__":[]}"#, "no object"),
    (#"{"__metadata__":{"a":"\x"}}"#, "unknown escape"), (#"{"__metadata__":{"a":"\ud800"}}"#, "surrogate"),
    (#"{"__metadata__":{"a":"\u12g4"}}"#, "hexadecimal"), ("{\"__metadata__\":{\"a\":\"\n\"}}", "control"),
    ("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "nested too deep"), (#"{"a":null}"#, "unexpected 'n'"),
  ]) func refusesBrokenHeaders(header: String, fragment: String) {
    #expect(reason(header, data: 8).contains(fragment), "\(reason(header, data: 8))")
  }

  @Test func refusesNamesThatAreNoText() {
    let bytes: [UInt8] = [6, 0, 0, 0, 0, 0, 0, 0] + Array("{\"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)
    #expect(throws: TrainingError.self) { try SafetensorsFile(bytes: bytes, path: "f") }
  }

  @Test func refusesTwoTensorsOfOneName() {
    let twice = #"{"a":{\#(Self.entry)},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#
    #expect(reason(twice, data: 16).contains("the name a is there twice"))
  }

  @Test func refusesOverlapsGapsAndWrongLengths() {
    func two(_ begin: Int) -> String {
      #"{"a":{\#(Self.entry)},"b":{"dtype":"U8","shape":[4],"data_offsets":[\#(begin),\#(begin + 4)]}}"#
    }
    #expect(reason(two(8), data: 12) == "accepted")
    #expect(reason(two(4), data: 8).contains("tensor b overlaps"))
    #expect(reason(two(9), data: 13).contains("tensor b leaves a gap"))
    #expect(reason(two(8), data: 11).contains("need 12 bytes of data, but it holds 11"))
    #expect(reason(two(8), data: 13).contains("holds 13"))
  }

  @Test func refusesHeaderLengthsBeyondTheFile() {
    for length: UInt64 in [3, 100, 1 << 40, .max] {
      #expect(reason("{}", length: length).contains("should have \(length) bytes"))
    }
    #expect(throws: TrainingError.self) { try SafetensorsFile(bytes: [1, 2, 3], path: "f") }
  }

  @Test func everyTruncationIsRefused() throws {
    let folder = try TemporaryFolder()
    try Self.sample.write(to: folder.path("f"))
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder.path("f"))))
    for length in 0..<bytes.count {
      #expect(throws: TrainingError.self, "\(length) bytes") {
        try SafetensorsFile(bytes: Array(bytes.prefix(length)), path: "f")
      }
    }
  }

  /// Whatever a damaged header says, reading ends in tensors or in an error.
  @Test func noFlippedBitOfTheHeaderCrashes() throws {
    let folder = try TemporaryFolder()
    try Self.sample.write(to: folder.path("f"))
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder.path("f"))))
    var refused = 0
    for index in 0..<bytes.count - 19 {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        do { _ = try SafetensorsFile(bytes: damaged, path: "f") } catch { refused += 1 }
      }
    }
    #expect(refused > (bytes.count - 19) * 4)
  }
}
