// What a chart shows, for whoever draws it: curves over one axis, in a page or in a terminal.

/// Curves over common axes. Values that are not finite are gaps.
public struct Chart: Sendable {
  /// One place on a curve.
  public struct Point: Hashable, Sendable {
    public let x, y: Double

    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }

    var isFinite: Bool { x.isFinite && y.isFinite }
  }

  /// How a curve is drawn.
  public enum Style: Hashable, Sendable {
    /// A line, for many points.
    case line
    /// A pale line behind the others.
    case faint
    /// A line with a dot at each point, for few.
    case dotted
    /// As `line`, but it keeps its height until the next point.
    case steps
  }

  /// Points in ascending order of `x`.
  public struct Curve: Sendable {
    public let name: String
    public let points: [Point]
    public let style: Style
    /// Which of the palette's colours, from 0; curves of one thing share one.
    public let colour: Int

    public init(_ name: String, _ points: [Point], style: Style, colour: Int) {
      self.name = name
      self.points = points.filter(\.isFinite)
      self.style = style
      self.colour = colour
    }
  }

  /// How numbers at the vertical axis are written.
  public enum Unit: Hashable, Sendable {
    case plain
    /// 0…1 as 0 %…100 %.
    case percent
  }

  public let title: String
  public let xLabel: String
  public let unit: Unit
  public let curves: [Curve]
  /// Places on the horizontal axis that are marked, and what they mean.
  public let marks: [Double]
  public let markName: String

  public init(
    title: String, xLabel: String, unit: Unit = .plain, curves: [Curve], marks: [Double] = [],
    markName: String = ""
  ) {
    self.title = title
    self.xLabel = xLabel
    self.unit = unit
    self.curves = curves.filter { !$0.points.isEmpty }
    self.marks = marks.filter(\.isFinite)
    self.markName = markName
  }

  /// The same with some of the curves.
  func keeping(_ isKept: (Curve) -> Bool) -> Chart {
    Chart(
      title: title, xLabel: xLabel, unit: unit, curves: curves.filter(isKept), marks: marks,
      markName: markName)
  }

  public var isEmpty: Bool { curves.isEmpty }

  /// From the first point of all to the last.
  var xAxis: Axis {
    let ends = curves.flatMap { [$0.points[0].x, $0.points[$0.points.count - 1].x] }
    let (low, high) = (ends.min() ?? 0, ends.max() ?? 1)
    return Axis(from: low, to: high > low ? high : low + 1)
  }

  /// A pale curve's outliers do not squeeze the others: it counts with the 2nd to the 98th of its hundredths.
  var yAxis: Axis {
    var values: [Double] = []
    for curve in curves {
      let heights = curve.points.map(\.y).sorted()
      let cut = curve.style == .faint ? heights.count / 50 : 0
      values += [heights[cut], heights[heights.count - 1 - cut]]
    }
    return Axis(covering: values, within: unit == .percent ? 0...1 : nil)
  }
}
