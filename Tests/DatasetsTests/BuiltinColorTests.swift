// The built-in set in colour: reproducible to the byte, balanced, and such that neither colour nor place tells the class.

import Datasets
import Testing

@Suite struct BuiltinColorTests {
  @Test func aLargerSetBeginsWithTheSmallerOne() {
    let small = BuiltinColor.make(seed: 3, trainCount: 20, testCount: 10)
    let large = BuiltinColor.make(seed: 3, trainCount: 50, testCount: 30)
    #expect(large.train.pixels.starts(with: small.train.pixels))
    #expect(large.test.pixels.starts(with: small.test.pixels))
  }

  @Test func seedAndPartChangeEveryImage() {
    let one = BuiltinColor.make(seed: 1, trainCount: 30, testCount: 30)
    let two = BuiltinColor.make(seed: 2, trainCount: 30, testCount: 30)
    for index in 0..<30 {
      #expect(one.train.image(index) != two.train.image(index))
      #expect(one.train.image(index) != one.test.image(index))
    }
  }

  /// Pins the bytes: a change of the procedure, or a machine that rounds otherwise, is seen at once.
  @Test func theBytesAreThoseOfEveryOtherMachine() {
    let shapes = BuiltinColor.make(trainCount: 100, testCount: 1)
    // FNV-1a, 64 bits.
    let hash = shapes.train.pixels.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    #expect(hash == 0xD6D3_FABC_CAD6_DAB2)
  }

  @Test func shapeAndClasses() {
    let shapes = BuiltinColor.make(trainCount: 40, testCount: 20)
    #expect(shapes.shape == ImageShape(channels: 3, height: 32, width: 32))
    #expect(shapes.classNames.prefix(3) == ["warm disc", "cool disc", "warm ring"])
    #expect(shapes.classCount == 10 && shapes.train.count == 40 && shapes.test.count == 20)
    #expect(shapes.train.labels.prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
  }

  /// The share of test images whose class mean is the nearest, by all pixels or by the image's mean colour.
  private func nearestMean(_ features: (ArraySlice<UInt8>) -> [Double]) -> Double {
    let shapes = BuiltinColor.make(trainCount: 400, testCount: 200)
    var means: [[Double]] = []
    for label in 0..<10 {
      let rows = stride(from: label, to: 400, by: 10).map { features(shapes.train.image($0)) }
      means.append(rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] } / 40 })
    }
    let correct = (0..<200).filter { index in
      let image = features(shapes.test.image(index))
      let distances = means.map { zip($0, image).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
      return distances.indices.min { distances[$0] < distances[$1] } == Int(shapes.test.labels[index])
    }
    return Double(correct.count) / 200
  }

  /// Better than chance, which is a tenth, and far from what a network reaches.
  @Test func harderThanAveragesButNotNoise() {
    let pixels = nearestMean { $0.map(Double.init) }
    #expect((0.15...0.6).contains(pixels), "\(pixels)")
    let colour = nearestMean { image in
      (0..<3).map { channel in
        image.dropFirst(channel * 1024).prefix(1024).reduce(0) { $0 + Double($1) } / 1024
      }
    }
    #expect((0.1...0.4).contains(colour), "\(colour)")
  }
}
