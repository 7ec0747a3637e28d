// A grey canvas on which strokes of a given width are drawn with soft edges.

/// `side` × `side` values, 0 for paper and 1 for ink.
struct Canvas {
  let side: Int
  private(set) var ink: [Double]

  init(side: Int) {
    self.side = side
    ink = [Double](repeating: 0, count: side * side)
  }

  /// Draws `points` as connected straight pieces; where strokes overlap, the darker wins.
  /// - Parameters:
  ///   - points: in pixels; pixel (column, row) has its centre at (column + 0.5, row + 0.5).
  ///   - radius: half the width of the pen, in pixels.
  ///   - softness: the width of the edge from full ink to none, in pixels, above 0.
  ///   - level: the ink's darkness, 0…1.
  mutating func draw(_ points: [Point], radius: Double, softness: Double, level: Double) {
    for (from, to) in zip(points, points.dropFirst()) {
      drawPiece(from: from, to: to, radius: radius, softness: softness, level: level)
    }
  }

  private mutating func drawPiece(
    from a: Point, to b: Point, radius: Double, softness: Double, level: Double
  ) {
    let reach = radius + softness
    let rows = range(min(a.y, b.y) - reach, max(a.y, b.y) + reach)
    let columns = range(min(a.x, b.x) - reach, max(a.x, b.x) + reach)
    let direction = Point(x: b.x - a.x, y: b.y - a.y)
    let lengthSquared = direction.x * direction.x + direction.y * direction.y
    for row in rows {
      for column in columns {
        let offset = Point(x: Double(column) + 0.5 - a.x, y: Double(row) + 0.5 - a.y)
        var along = 0.0
        if lengthSquared > 0 {
          along = (offset.x * direction.x + offset.y * direction.y) / lengthSquared
          along = min(1, max(0, along))
        }
        let dx = offset.x - along * direction.x
        let dy = offset.y - along * direction.y
        let distance = (dx * dx + dy * dy).squareRoot()
        let coverage = min(1, max(0, 0.5 + (radius - distance) / softness))
        let place = row * side + column
        ink[place] = max(ink[place], coverage * level)
      }
    }
  }

  /// The pixels of one axis between two coordinates, within the canvas.
  private func range(_ low: Double, _ high: Double) -> Range<Int> {
    let limit = Double(side)
    let first = Int(min(limit, max(0, low.rounded(.down))))
    let last = Int(min(limit, max(0, high.rounded(.up))))
    return first..<max(first, last)
  }
}
