// Each operation on images against torchvision and Pillow.

import Foundation
import Testing

@testable import Datasets

/// What scripts/fixtures/make_augmentation_fixtures.py wrote.
private struct AugmentationFixture: Decodable {
  struct Picture: Decodable {
    let channels, height, width: Int
    let pixels: String
    let cases: [Case]
    let rotations: [Rotation]

    var shape: ImageShape { ImageShape(channels: channels, height: height, width: width) }

    /// The image in memory to work on.
    func scratch() -> SampleScratch {
      let scratch = SampleScratch(shape: shape)
      scratch.load(bytes(pixels)[...])
      return scratch
    }
  }
  struct Case: Decodable {
    let operation: String
    let magnitude: Int
    let isNegative: Bool
    let pixels: String
  }
  struct Rotation: Decodable {
    let degrees: Double
    let pixels: String
  }

  let images: [Picture]

  static func load() throws -> AugmentationFixture {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/augmentation.json")
    return try JSONDecoder().decode(AugmentationFixture.self, from: Data(contentsOf: url))
  }
}

/// Two hexadecimal digits a byte.
private func bytes(_ digits: String) -> [UInt8] {
  let values = digits.utf8.map { $0 < 58 ? $0 - 48 : $0 - 87 }
  return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
}

@Suite struct AugmentationReferenceTests {
  private let fixture: AugmentationFixture

  init() throws {
    fixture = try AugmentationFixture.load()
  }

  private func result(_ scratch: SampleScratch) -> [Int] {
    (0..<scratch.shape.count).map { Int(scratch.pixels[$0]) }
  }

  /// Largest difference, leaving out one pixel in a hundred: whether the border's own pixels lie inside is decided by
  /// the last bit of a coordinate.
  private func distance(_ scratch: SampleScratch, _ expected: String) -> Int {
    let differences = zip(result(scratch), bytes(expected)).map { abs($0 - Int($1)) }.sorted()
    return differences[differences.count - 1 - differences.count / 100]
  }

  @Test func tonesAreExactlyTheirs() throws {
    let geometry = ["shearX", "shearY", "rotate"]
    var seen: Set<String> = []
    for picture in fixture.images {
      for one in picture.cases where !geometry.contains(one.operation) {
        let operation = try #require(RandAugment.Operation(rawValue: one.operation))
        let scratch = picture.scratch()
        scratch.apply(operation, magnitude: one.magnitude, isNegative: one.isNegative)
        #expect(
          result(scratch) == bytes(one.pixels).map(Int.init),
          "\(one.operation) \(one.magnitude) \(one.isNegative), \(picture.shape)")
        seen.insert(one.operation)
      }
    }
    #expect(seen.count + geometry.count == RandAugment.Operation.allCases.count)
  }

  @Test func shearsAndTurnsAreTheirsButForRounding() throws {
    for picture in fixture.images {
      for one in picture.cases where ["shearX", "shearY", "rotate"].contains(one.operation) {
        let operation = try #require(RandAugment.Operation(rawValue: one.operation))
        let scratch = picture.scratch()
        scratch.apply(operation, magnitude: one.magnitude, isNegative: one.isNegative)
        #expect(
          distance(scratch, one.pixels) <= 1, "\(one.operation) \(one.magnitude) \(one.isNegative)")
      }
      for one in picture.rotations {
        let scratch = picture.scratch()
        scratch.rotate(degrees: one.degrees)
        #expect(distance(scratch, one.pixels) <= 1, "\(one.degrees)°, \(picture.shape)")
      }
    }
  }

  /// The comparison above would be worth nothing if the changes were small.
  @Test func theReferenceChangesImages() {
    for picture in fixture.images {
      let image = bytes(picture.pixels)
      for one in picture.cases where one.magnitude == 30 && one.operation != "identity" {
        if one.operation == "colour" && picture.channels == 1 { continue }
        let changed = zip(image, bytes(one.pixels)).filter { abs(Int($0) - Int($1)) > 2 }.count
        #expect(changed > image.count / 4, "\(one.operation)")
      }
    }
  }
}
