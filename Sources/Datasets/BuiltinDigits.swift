// The built-in data set: digits drawn by a procedure, so that training needs no file and no network.

/// Handwriting-like digits, 28 × 28 × 1, ten classes, drawn from a seed.
///
/// Each image takes one of several skeletons of its digit, moves every point of it, bends, slants, turns and
/// scales it, draws it with a pen of its own width, softness and darkness over stray marks, and adds noise.
/// Image `i` is a pure function of (seed, part, i): a larger set begins with the smaller one, and images can
/// be made in any order. Only additions, multiplications, divisions and square roots go into it, which every
/// machine rounds alike, so a seed gives the same bytes everywhere.
///
/// Classes take turns (`i % 10`), so every stretch of the set is balanced.
public enum BuiltinDigits {
  /// Side of an image, in pixels.
  public static let side = 28

  /// Draws the set.
  /// - Precondition: both counts above 0.
  public static func make(seed: UInt64 = 2026, trainCount: Int = 8000, testCount: Int = 2000) -> Dataset {
    Dataset(
      name: "builtin", classNames: (0...9).map(String.init),
      train: images(seed: seed, part: 0, count: trainCount),
      test: images(seed: seed, part: 1, count: testCount))
  }

  private static func images(seed: UInt64, part: UInt64, count: Int) -> LabeledImages {
    precondition(count > 0, "a data set needs at least one image in each part")
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * side * side)
    for index in 0..<count {
      var random = SplitMix64(seed: seed, stream: RandomPurpose.digit, part, UInt64(index))
      pixels.append(contentsOf: draw(digit: index % 10, &random))
    }
    return LabeledImages(
      shape: ImageShape(channels: 1, height: side, width: side), pixels: pixels,
      labels: (0..<count).map { UInt8($0 % 10) })
  }

  private static func draw(digit: Int, _ random: inout SplitMix64) -> [UInt8] {
    var canvas = Canvas(side: side)
    drawStrayMarks(on: &canvas, &random)
    let hands = digitSkeletons[digit]
    let skeleton = hands[random.below(hands.count)]
    let warp = Warp(&random)
    let radius = random.uniform(0.7...1.6)
    let softness = random.uniform(0.9...2.0)
    let level = random.uniform(0.7...1.0)
    for var stroke in skeleton {
      for index in stroke.points.indices {
        stroke.points[index].x += 0.035 * random.bell()
        stroke.points[index].y += 0.035 * random.bell()
      }
      canvas.draw(stroke.polyline().map(warp.apply), radius: radius, softness: softness, level: level)
    }
    return develop(canvas, &random)
  }

  /// Up to two short marks, never as dark as the darkest ink.
  private static func drawStrayMarks(on canvas: inout Canvas, _ random: inout SplitMix64) {
    for _ in 0..<random.below(3) {
      let edge = Double(side)
      let start = Point(x: random.uniform(0...edge), y: random.uniform(0...edge))
      let end = Point(x: start.x + 4 * random.bell(), y: start.y + 4 * random.bell())
      canvas.draw(
        [start, end], radius: random.uniform(0.4...1.1), softness: random.uniform(0.9...2.0),
        level: random.uniform(0.3...0.6))
    }
  }

  /// Paper tone and noise, then whole numbers 0…255.
  private static func develop(_ canvas: Canvas, _ random: inout SplitMix64) -> [UInt8] {
    let paper = random.uniform(0...0.15)
    let noise = random.uniform(0.02...0.10)
    return canvas.ink.map { ink in
      let value = paper + (1 - paper) * ink + noise * random.bell()
      return UInt8((min(1, max(0, value)) * 255).rounded())
    }
  }
}

/// From a digit's box to the canvas: bend, slant, scale, turn, shift; one for each image.
private struct Warp {
  private let bendX, bendY, slant, width, height, cosine, sine, centreX, centreY: Double

  init(_ random: inout SplitMix64) {
    bendX = 0.17 * random.bell()
    bendY = 0.12 * random.bell()
    slant = 0.17 * random.bell()
    height = random.uniform(15...21)
    width = height * random.uniform(0.6...1.0)
    // The angle's sine and cosine from the tangent of its half: rational, so the same bits everywhere.
    let half = 0.09 * random.bell()
    cosine = (1 - half * half) / (1 + half * half)
    sine = 2 * half / (1 + half * half)
    centreX = Double(BuiltinDigits.side) / 2 + 1.0 * random.bell()
    centreY = Double(BuiltinDigits.side) / 2 + 1.0 * random.bell()
  }

  func apply(_ point: Point) -> Point {
    let (u, v) = (point.x - 0.5, point.y - 0.5)
    let x = (u + bendX * v * v - slant * v) * width
    let y = (v + bendY * u * u) * height
    return Point(x: centreX + cosine * x - sine * y, y: centreY + sine * x + cosine * y)
  }
}
