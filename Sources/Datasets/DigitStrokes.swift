// The skeletons of the digits 0…9: where a pen goes, in a box one unit high and wide, in several hands.

/// A place in a digit's box (x to the right, y down, 0…1) or on the canvas (pixels).
struct Point {
  var x, y: Double
}

/// One movement of the pen.
struct Stroke {
  /// Where the pen passes.
  var points: [Point]
  /// A curve through the points (Catmull–Rom), or straight lines between them.
  let isSmooth: Bool

  static func curve(_ points: (Double, Double)...) -> Stroke {
    Stroke(points: points.map(Point.init), isSmooth: true)
  }

  static func lines(_ points: (Double, Double)...) -> Stroke {
    Stroke(points: points.map(Point.init), isSmooth: false)
  }

  /// The stroke as straight pieces, `steps` to each stretch of a curve.
  ///
  /// Source: E. Catmull, R. Rom, *A Class of Local Interpolating Splines*, 1974; end points are doubled.
  func polyline(steps: Int = 5) -> [Point] {
    guard isSmooth, let first = points.first, let last = points.last else { return points }
    let padded = [first] + points + [last]
    var result = [first]
    for index in 1..<padded.count - 2 {
      let (a, b, c, d) = (padded[index - 1], padded[index], padded[index + 1], padded[index + 2])
      for step in 1...steps {
        let t = Double(step) / Double(steps)
        func blend(_ p: Double, _ q: Double, _ r: Double, _ s: Double) -> Double {
          let linear = (r - p) * t
          let square = (2 * p - 5 * q + 4 * r - s) * t * t
          let cube = (3 * q - p - 3 * r + s) * t * t * t
          return 0.5 * (2 * q + linear + square + cube)
        }
        result.append(Point(x: blend(a.x, b.x, c.x, d.x), y: blend(a.y, b.y, c.y, d.y)))
      }
    }
    return result
  }
}

/// Ways to write each digit; the index is the digit.
let digitSkeletons: [[[Stroke]]] = [
  [  // 0: round, and narrow with a gap at the top
    [
      .curve(
        (0.50, 0.00), (0.20, 0.18), (0.12, 0.50), (0.20, 0.82), (0.50, 1.00), (0.80, 0.82), (0.88, 0.50),
        (0.80, 0.18), (0.50, 0.00))
    ],
    [
      .curve(
        (0.62, 0.04), (0.34, 0.12), (0.22, 0.50), (0.30, 0.86), (0.50, 0.99), (0.72, 0.84), (0.78, 0.46),
        (0.66, 0.14), (0.44, 0.02))
    ],
  ],
  [  // 1: a bar, with a flag, with flag and foot
    [.lines((0.50, 0.00), (0.50, 1.00))],
    [.lines((0.28, 0.24), (0.56, 0.00), (0.56, 1.00))],
    [.lines((0.30, 0.20), (0.54, 0.00), (0.54, 1.00)), .lines((0.28, 1.00), (0.80, 1.00))],
  ],
  [  // 2: with a straight foot, with a loop
    [
      .curve(
        (0.14, 0.26), (0.28, 0.05), (0.58, 0.00), (0.82, 0.20), (0.70, 0.50), (0.40, 0.78), (0.14, 1.00)),
      .lines((0.14, 1.00), (0.88, 0.98)),
    ],
    [
      .curve(
        (0.16, 0.20), (0.42, 0.00), (0.76, 0.10), (0.76, 0.40), (0.46, 0.80), (0.22, 0.98), (0.14, 0.84),
        (0.34, 0.78), (0.60, 0.94), (0.90, 0.96))
    ],
  ],
  [  // 3: round, with a flat top
    [
      .curve((0.18, 0.12), (0.50, 0.00), (0.80, 0.18), (0.68, 0.42), (0.42, 0.48)),
      .curve((0.42, 0.48), (0.74, 0.56), (0.86, 0.78), (0.60, 0.99), (0.30, 0.98), (0.12, 0.85)),
    ],
    [
      .lines((0.16, 0.02), (0.80, 0.02), (0.44, 0.40)),
      .curve((0.44, 0.40), (0.76, 0.48), (0.86, 0.72), (0.64, 0.98), (0.32, 0.99), (0.12, 0.86)),
    ],
  ],
  [  // 4: open, closed
    [.lines((0.28, 0.00), (0.14, 0.58), (0.90, 0.58)), .lines((0.70, 0.22), (0.68, 1.00))],
    [.lines((0.66, 1.00), (0.66, 0.00), (0.10, 0.66), (0.92, 0.66))],
  ],
  [  // 5: with a corner, in one curve
    [
      .lines((0.80, 0.00), (0.26, 0.02), (0.20, 0.45)),
      .curve((0.20, 0.45), (0.50, 0.36), (0.82, 0.55), (0.80, 0.85), (0.50, 1.00), (0.15, 0.90)),
    ],
    [
      .curve(
        (0.84, 0.03), (0.52, 0.02), (0.28, 0.10), (0.28, 0.36), (0.58, 0.46), (0.80, 0.66), (0.70, 0.92),
        (0.40, 1.00), (0.14, 0.90))
    ],
  ],
  [  // 6: curved, with a straight back
    [
      .curve(
        (0.72, 0.02), (0.40, 0.20), (0.20, 0.55), (0.20, 0.82), (0.45, 1.00), (0.75, 0.90), (0.82, 0.68),
        (0.60, 0.50), (0.35, 0.55), (0.20, 0.75))
    ],
    [
      .lines((0.60, 0.00), (0.24, 0.62)),
      .curve(
        (0.24, 0.62), (0.20, 0.84), (0.46, 1.00), (0.74, 0.90), (0.78, 0.68), (0.56, 0.54), (0.26, 0.68)),
    ],
  ],
  [  // 7: plain, with a bar, with a curved leg
    [.lines((0.12, 0.02), (0.86, 0.02), (0.40, 1.00))],
    [.lines((0.12, 0.02), (0.86, 0.02), (0.40, 1.00)), .lines((0.28, 0.50), (0.78, 0.50))],
    [
      .lines((0.14, 0.18), (0.16, 0.02), (0.84, 0.04)),
      .curve((0.84, 0.04), (0.62, 0.36), (0.48, 0.70), (0.46, 1.00)),
    ],
  ],
  [  // 8: from the waist, from the top
    [
      .curve(
        (0.50, 0.48), (0.22, 0.25), (0.50, 0.00), (0.78, 0.25), (0.50, 0.48), (0.18, 0.75), (0.50, 1.00),
        (0.82, 0.75), (0.50, 0.48))
    ],
    [
      .curve(
        (0.76, 0.12), (0.50, 0.00), (0.25, 0.20), (0.50, 0.47), (0.80, 0.76), (0.50, 1.00), (0.20, 0.76),
        (0.50, 0.47), (0.76, 0.12))
    ],
  ],
  [  // 9: curved, with a straight leg
    [
      .curve(
        (0.80, 0.24), (0.54, 0.02), (0.22, 0.20), (0.30, 0.46), (0.60, 0.48), (0.80, 0.24), (0.78, 0.62),
        (0.62, 0.88), (0.34, 1.00))
    ],
    [
      .curve((0.74, 0.22), (0.48, 0.00), (0.20, 0.20), (0.34, 0.46), (0.62, 0.40), (0.74, 0.18)),
      .lines((0.74, 0.10), (0.70, 1.00)),
    ],
  ],
]
