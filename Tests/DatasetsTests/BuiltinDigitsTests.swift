// The built-in set: reproducible to the byte, balanced, neither blank nor trivial.

import Datasets
import Testing

@Suite struct BuiltinDigitsTests {
  @Test func aLargerSetBeginsWithTheSmallerOne() {
    let small = BuiltinDigits.make(seed: 3, trainCount: 20, testCount: 10)
    let large = BuiltinDigits.make(seed: 3, trainCount: 50, testCount: 30)
    #expect(large.train.pixels.starts(with: small.train.pixels))
    #expect(large.test.pixels.starts(with: small.test.pixels))
  }

  @Test func seedAndPartChangeEveryImage() {
    let one = BuiltinDigits.make(seed: 1, trainCount: 30, testCount: 30)
    let two = BuiltinDigits.make(seed: 2, trainCount: 30, testCount: 30)
    for index in 0..<30 {
      #expect(one.train.image(index) != two.train.image(index))
      #expect(one.train.image(index) != one.test.image(index))
    }
  }

  /// Pins the bytes: a change of the procedure, or a machine that rounds otherwise, is seen at once.
  @Test func theBytesAreThoseOfEveryOtherMachine() {
    let digits = BuiltinDigits.make(trainCount: 100, testCount: 1)
    // FNV-1a, 64 bits.
    let hash = digits.train.pixels.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    #expect(hash == 0x02CB_456C_EA91_C56A)
  }

  @Test func shapeAndClasses() {
    let digits = BuiltinDigits.make(trainCount: 40, testCount: 20)
    #expect(digits.shape == ImageShape(channels: 1, height: 28, width: 28))
    #expect(digits.classNames == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
    #expect(digits.train.labels.prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    #expect(digits.train.count == 40 && digits.test.count == 20)
  }

  @Test func everyImageHasInkOnPaper() {
    let digits = BuiltinDigits.make(trainCount: 500, testCount: 1).train
    for index in 0..<digits.count {
      let image = digits.image(index)
      let ink = image.filter { $0 > 128 }.count
      #expect((8...400).contains(ink), "image \(index) has \(ink) dark pixels")
    }
  }

  /// The nearest class mean is far better than chance, but far from what a network reaches.
  @Test func harderThanAveragesButNotNoise() {
    let digits = BuiltinDigits.make(trainCount: 2000, testCount: 500)
    let size = digits.shape.count
    var means = [[Double]](repeating: [Double](repeating: 0, count: size), count: 10)
    for index in 0..<digits.train.count {
      let label = Int(digits.train.labels[index])
      for (element, pixel) in digits.train.image(index).enumerated() {
        means[label][element] += Double(pixel)
      }
    }
    for label in 0..<10 { means[label] = means[label].map { $0 / 200 } }
    let correct = (0..<digits.test.count).filter { index in
      let image = digits.test.image(index).map(Double.init)
      let distances = means.map { mean in
        zip(mean, image).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      return distances.indices.min { distances[$0] < distances[$1] } == Int(digits.test.labels[index])
    }.count
    #expect((0.4...0.9).contains(Double(correct) / 500), "\(correct) of 500")
  }
}
