// Draws a chart as SVG inside a page, in the page's colours.

/// Scalable pictures; colours come from the page's style by classes `c0`, `c1` …
enum SVGChart {
  private static let (width, height) = (720.0, 300.0)
  private static let (left, right, top, bottom) = (62.0, 12.0, 10.0, 42.0)
  private static let colours = 6

  /// A figure with its heading, legend and a description for those who do not see it.
  static func figure(_ chart: Chart) -> String {
    guard !chart.isEmpty else { return "" }
    let legend = chart.curves.map { curve in
      let kind = curve.style == .faint ? " faint" : ""
      return
        "<li><span class=\"key c\(curve.colour % colours)\(kind)\"></span>\(Markup.escape(curve.name))</li>"
    }
    let marks =
      chart.marks.isEmpty
      ? "" : "<li><span class=\"key mark\"></span>\(chart.marks.count) \(Markup.escape(chart.markName))</li>"
    return """
      <figure class="chart"><figcaption>\(Markup.escape(chart.title))</figcaption>
      \(svg(chart))
      <ul class="legend">\(legend.joined())\(marks)</ul></figure>
      """
  }

  private static func svg(_ chart: Chart) -> String {
    let (xAxis, yAxis) = (chart.xAxis, chart.yAxis)
    func x(_ value: Double) -> Double { left + xAxis.share(value) * (width - left - right) }
    func y(_ value: Double) -> Double { top + (1 - yAxis.share(value)) * (height - top - bottom) }
    var parts = grid(chart, xAxis, yAxis, x, y)
    if !chart.marks.isEmpty {
      // One tick for each place that can be told apart.
      let places = Set(chart.marks.map { (x($0) * 2).rounded() / 2 }).sorted()
      let path = places.map { "M\(Markup.coordinate($0)) \(height - bottom)v-7" }.joined()
      parts.append(
        "<path class=\"marks\" d=\"\(path)\"><title>\(Markup.escape(chart.markName))</title></path>")
    }
    for curve in chart.curves.sorted(by: { $0.style == .faint && $1.style != .faint }) {
      parts.append(path(curve, x, y))
    }
    let description = Markup.escape(describe(chart))
    return """
      <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(Markup.escape(chart.title)): \(description)">
      \(parts.joined(separator: "\n"))
      </svg>
      """
  }

  private static func grid(
    _ chart: Chart, _ xAxis: Axis, _ yAxis: Axis, _ x: (Double) -> Double, _ y: (Double) -> Double
  ) -> [String] {
    let yTicks = yAxis.ticks(about: 5)
    let xTicks = xAxis.ticks(about: 8, wholeNumbers: true)
    var parts = zip(yTicks, Axis.texts(yTicks, unit: chart.unit)).map { tick, text in
      let place = Markup.coordinate(y(tick))
      return "<path class=\"grid\" d=\"M\(left) \(place)H\(width - right)\"/>"
        + "<text class=\"tick\" x=\"\(left - 6)\" y=\"\(place)\" dy=\"0.32em\" text-anchor=\"end\">\(text)</text>"
    }
    parts.append("<path class=\"axis\" d=\"M\(left) \(height - bottom)H\(width - right)\"/>")
    parts += zip(xTicks, Axis.texts(xTicks, unit: .plain)).map { tick, text in
      let place = Markup.coordinate(x(tick))
      return "<path class=\"axis\" d=\"M\(place) \(height - bottom)v4\"/>"
        + "<text class=\"tick\" x=\"\(place)\" y=\"\(height - bottom + 18)\" text-anchor=\"middle\">\(text)</text>"
    }
    parts.append(
      "<text class=\"tick\" x=\"\(width - right)\" y=\"\(height - 6)\" text-anchor=\"end\">\(Markup.escape(chart.xLabel))</text>"
    )
    return parts
  }

  private static func path(_ curve: Chart.Curve, _ x: (Double) -> Double, _ y: (Double) -> Double) -> String {
    let places = thinned(curve.points.map { (x: x($0.x), y: y($0.y)) })
    let line = places.enumerated().map { index, place in
      "\(index == 0 ? "M" : "L")\(Markup.coordinate(place.x)) \(Markup.coordinate(place.y))"
    }.joined()
    let colour = "c\(curve.colour % colours)"
    let kind = curve.style == .faint ? " faint" : ""
    var text = "<path class=\"curve \(colour)\(kind)\" d=\"\(line)\"/>"
    if curve.style == .dotted, curve.points.count <= 400 {
      text += curve.points.map { point in
        let value = "\(curve.name): \(Markup.number(point.y)) at \(Markup.number(point.x))"
        return
          "<circle class=\"\(colour)\" cx=\"\(Markup.coordinate(x(point.x)))\" cy=\"\(Markup.coordinate(y(point.y)))\" r=\"3.5\"><title>\(Markup.escape(value))</title></circle>"
      }.joined()
    }
    return text
  }

  /// At most the first, lowest, highest and last of the points that share a pixel's column.
  private static func thinned(_ places: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard places.count > 2000 else { return places }
    var result: [(x: Double, y: Double)] = []
    var start = 0
    while start < places.count {
      var end = start
      while end < places.count, Int(places[end].x) == Int(places[start].x) { end += 1 }
      let column = start..<end
      let low = column.min { places[$0].y < places[$1].y } ?? start
      let high = column.max { places[$0].y < places[$1].y } ?? start
      for index in Set([start, low, high, end - 1]).sorted() { result.append(places[index]) }
      start = end
    }
    return result
  }

  /// Where each curve begins and ends.
  private static func describe(_ chart: Chart) -> String {
    chart.curves.compactMap { curve in
      guard let first = curve.points.first, let last = curve.points.last else { return nil }
      func text(_ value: Double) -> String {
        chart.unit == .percent ? Markup.percent(value) : Markup.number(value)
      }
      return "\(curve.name) from \(text(first.y)) to \(text(last.y))"
    }.joined(separator: "; ")
  }
}
