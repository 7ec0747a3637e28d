// The built-in data set in colour: shapes painted by a procedure, whose class is shape and colour together.

/// Painted shapes, 32 × 32 × 3, ten classes, drawn from a seed: disc, ring, square, triangle and cross, each in a warm
/// and in a cool tone.
///
/// Colour alone tells two groups of five apart, shape alone five groups of two; only both tell the class. Backgrounds,
/// sizes, angles, proportions, light, small marks in front and noise differ from image to image; tones come close to
/// their border. As in ``BuiltinDigits``, image `i` is a pure function of (seed, part, i), made of additions,
/// multiplications, divisions and square roots only, so a seed gives the same bytes everywhere; classes take turns.
public enum BuiltinColor {
  /// Side of an image, in pixels.
  public static let side = 32

  /// A class is 2 · shape + tone.
  static let shapes = ["disc", "ring", "square", "triangle", "cross"]

  /// Draws the set.
  /// - Precondition: both counts above 0.
  public static func make(seed: UInt64 = 2026, trainCount: Int = 8000, testCount: Int = 2000) -> Dataset {
    Dataset(
      name: "builtin-color", classNames: shapes.flatMap { ["warm \($0)", "cool \($0)"] },
      train: images(seed: seed, part: 0, count: trainCount),
      test: images(seed: seed, part: 1, count: testCount))
  }

  private static func images(seed: UInt64, part: UInt64, count: Int) -> LabeledImages {
    precondition(count > 0, "a data set needs at least one image in each part")
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * side * side * 3)
    for index in 0..<count {
      var random = SplitMix64(seed: seed, stream: RandomPurpose.colourScene, part, UInt64(index))
      pixels.append(contentsOf: draw(label: index % 10, &random))
    }
    return LabeledImages(
      shape: ImageShape(channels: 3, height: side, width: side), pixels: pixels,
      labels: (0..<count).map { UInt8($0 % 10) })
  }

  private static func draw(label: Int, _ random: inout SplitMix64) -> [UInt8] {
    var painting = Painting(side: side, &random)
    let tone = label % 2 == 0 ? Colour.warm(&random) : Colour.cool(&random)
    painting.paint(shape: label / 2, Placement(&random, radius: 8...13, spread: 2), tone)
    // Marks of any shape and colour in front, too small to be taken for the object.
    for _ in 0..<random.below(3) {
      let colour = random.below(2) == 0 ? Colour.warm(&random) : Colour.cool(&random)
      painting.paint(
        shape: random.below(shapes.count), Placement(&random, radius: 1.5...3, spread: 12), colour)
    }
    return painting.develop(&random)
  }
}

/// Red, green and blue, 0…1.
private struct Colour {
  var red, green, blue: Double

  /// Red to yellow-green, from pale to full.
  static func warm(_ random: inout SplitMix64) -> Colour {
    let (strong, weak) = (random.uniform(0.5...1), random.uniform(0...0.45))
    return Colour(red: strong, green: weak + (strong - weak) * random.uniform(), blue: weak)
  }

  /// Blue to green-yellow, from pale to full.
  static func cool(_ random: inout SplitMix64) -> Colour {
    let (strong, weak) = (random.uniform(0.5...1), random.uniform(0...0.45))
    return Colour(red: weak, green: weak + (strong - weak) * random.uniform(), blue: strong)
  }

  /// A greyish one.
  static func dull(_ random: inout SplitMix64) -> Colour {
    let light = random.uniform(0.1...0.9)
    func channel() -> Double { light + random.uniform(-0.15...0.15) }
    return Colour(red: channel(), green: channel(), blue: channel())
  }

  func mixed(with other: Colour, _ share: Double) -> Colour {
    Colour(
      red: red + (other.red - red) * share, green: green + (other.green - green) * share,
      blue: blue + (other.blue - blue) * share)
  }
}

/// Where a shape is, how large and how it is turned.
private struct Placement {
  let x, y, radius: Double
  private let cosine, sine, stretch, slant: Double

  /// - Parameter spread: deviation of the centre from the image's, in pixels.
  init(_ random: inout SplitMix64, radius range: ClosedRange<Double>, spread: Double) {
    let middle = Double(BuiltinColor.side) / 2
    x = middle + spread * random.uniform(-1...1)
    y = middle + spread * random.uniform(-1...1)
    radius = random.uniform(range)
    // Rational, so the same bits everywhere.
    let half = random.uniform(-0.35...0.35)
    cosine = (1 - half * half) / (1 + half * half)
    sine = 2 * half / (1 + half * half)
    stretch = random.uniform(0.75...1.3)
    slant = random.uniform(-0.25...0.25)
  }

  /// In units of the radius, along the shape's own axes.
  func local(_ column: Int, _ row: Int) -> (u: Double, v: Double) {
    let (dx, dy) = (Double(column) + 0.5 - x, Double(row) + 0.5 - y)
    let u = (cosine * dx + sine * dy) / radius
    let v = (cosine * dy - sine * dx) / radius
    return ((u + slant * v) * stretch, v)
  }
}

/// A colour for each pixel.
private struct Painting {
  private let side: Int
  private var colours: [Colour]

  /// A background that passes from one dull colour to another, with stripes or none.
  init(side: Int, _ random: inout SplitMix64) {
    self.side = side
    colours = []
    colours.reserveCapacity(side * side)
    let (from, to, stripe) = (Colour.dull(&random), Colour.dull(&random), Colour.dull(&random))
    let (a, b) = (random.uniform(-1...1), random.uniform(-1...1))
    let period = random.uniform(3...10)
    let strength = random.below(2) == 0 ? 0 : random.uniform(0.2...0.6)
    for row in 0..<side {
      for column in 0..<side {
        let along = (a * Double(column) + b * Double(row)) / Double(side)
        let across = (b * Double(column) - a * Double(row)) / period
        // A triangle wave.
        let wave = abs(2 * (across - across.rounded(.down)) - 1)
        colours.append(
          from.mixed(with: to, min(1, max(0, 0.5 + 0.5 * along))).mixed(with: stripe, strength * wave))
      }
    }
  }

  mutating func paint(shape: Int, _ placement: Placement, _ colour: Colour) {
    // The slant and the stretch reach beyond the radius.
    let reach = placement.radius * 2 + 1
    func range(_ centre: Double) -> Range<Int> {
      let first = Int(max(0, centre - reach))
      return first..<max(first, Int(min(Double(side), centre + reach + 1)))
    }
    for row in range(placement.y) {
      for column in range(placement.x) {
        let (u, v) = placement.local(column, row)
        // An edge one pixel wide.
        let coverage = 0.5 - Self.distance(shape, u, v) * placement.radius
        guard coverage > 0 else { continue }
        let place = row * side + column
        colours[place] = colours[place].mixed(with: colour, min(1, coverage))
      }
    }
  }

  /// To the shape's border, in units of its radius; below 0 within.
  private static func distance(_ shape: Int, _ u: Double, _ v: Double) -> Double {
    switch shape {
    case 0: return (u * u + v * v).squareRoot() - 0.85
    case 1: return abs((u * u + v * v).squareRoot() - 0.7) - 0.22
    case 2: return max(abs(u), abs(v)) - 0.75
    // Half a square root of three, for sides at 60°.
    case 3: return max(v - 0.5, 0.866_025_403_784_438_6 * abs(u) - 0.5 * v - 0.5)
    default: return min(max(abs(u) - 0.9, abs(v) - 0.3), max(abs(u) - 0.3, abs(v) - 0.9))
    }
  }

  /// Light and noise, then whole numbers 0…255, channel by channel.
  func develop(_ random: inout SplitMix64) -> [UInt8] {
    let light = random.uniform(0.6...1.1)
    let noise = random.uniform(0.02...0.06)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(3 * colours.count)
    for channel in 0..<3 {
      for colour in colours {
        let value = channel == 0 ? colour.red : channel == 1 ? colour.green : colour.blue
        let developed = light * value + noise * random.bell()
        pixels.append(UInt8((min(1, max(0, developed)) * 255).rounded()))
      }
    }
    return pixels
  }
}
