// Reports as a browser shows them.

import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite(
  .enabled(
    if: Browser.path != nil,
    "no browser on the PATH: install chromium to have the pages of convtrain looked at"))
struct BrowserTests {
  private let program: Program
  private let browser: Browser

  init() throws {
    program = try Program("convtrain")
    browser = Browser(folder: program.folder)
    try program.writeIDX(BuiltinDigits.make(trainCount: 80, testCount: 20), to: "digits")
  }

  private func train(_ run: String, _ arguments: String...) throws {
    let outcome = try program.start(
      [
        "mlp", "--hidden-sizes", "8", "--data", "digits", "--epochs", "3", "--batch-size", "20", "--threads",
        "1", "--run-dir", run,
      ] + arguments
    ).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
  }

  /// What a browser laid out, counted by a script that is put behind a copy of the page.
  private func counts(_ page: String) throws -> [String: Int] {
    let probe = """
      <script>
      const size = s => [...document.querySelectorAll(s)].filter(e => {
        const box = e.getBoundingClientRect(); return box.width > 1 && box.height > 1 }).length;
      const loaded = [...document.images].filter(i => i.complete && i.naturalWidth > 1).length;
      const curves = [...document.querySelectorAll("path.curve")].filter(c =>
        c.getTotalLength() > 50 && getComputedStyle(c).stroke.startsWith("rgb")).length;
      const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth ? 1 : 0;
      const settings = document.querySelector("table.settings");
      const cut = settings && settings.scrollWidth > settings.parentElement.clientWidth ? 1 : 0;
      document.title = `cut=${cut} figures=${size("figure.chart svg")} curves=${curves} tables=${size("table")} ` +
        `images=${document.images.length} loaded=${loaded} wide=${wide}`;
      </script>
      """
    // A page forbids itself all scripts, which is tested with the picture of it.
    let text = String(decoding: try program.contents(page), as: UTF8.self)
      .replacing(/<meta http-equiv="Content-Security-Policy"[^>]*>/, with: "")
    try program.write(Array((text + probe).utf8), to: "probe.html")
    let outcome = try browser.open("probe.html", "--window-size=700,900", "--dump-dom")
    #expect(outcome.console == [], "\(page)")
    let title = outcome.output.firstMatch(of: /<title>(cut=.*?)<\/title>/)?.1
    return Dictionary(
      uniqueKeysWithValues: try #require(title, "\(page)").split(separator: " ").map { pair in
        let parts = pair.split(separator: "=")
        return (String(parts[0]), Int(parts[1]) ?? -1)
      })
  }

  /// The colours of a picture of the page, each as 0xRRGGBB.
  private func colours(_ page: String) throws -> Set<Int> {
    let outcome = try browser.open(
      page, "--window-size=1000,1200", "--screenshot=\(program.path("picture.png"))")
    #expect(outcome.console == [], "\(page)")
    let image = try PixelImage(path: program.path("picture.png"))
    #expect(image.shape.channels == 3 && image.shape.height > 500 && image.shape.width > 500)
    let plane = image.shape.height * image.shape.width
    return Set(
      (0..<plane).map { place in
        (0..<3).reduce(0) { $0 << 8 | Int(image.pixels[$1 * plane + place]) }
      })
  }

  /// The first curve's colour on light or dark paper.
  private static let curve: Set = [0x2563C9, 0x6AA5FF]

  @Test func pagesAreLaidOut() throws {
    try train("a", "--lookahead", "--schedule", "cosine")
    try train("b", "--lr", "0.01")
    let report = try counts("a/report.html")
    #expect(report["figures"] == 3 && report["wide"] == 0, "\(report)")
    // Loss: training, smoothed, slow, fast; accuracy: training, slow, fast; learning rate.
    #expect(report["curves"] == 8, "\(report)")
    // Confusion, epochs, settings, environment.
    #expect(report["tables"] == 4, "\(report)")
    #expect(report["images"] ?? 0 > 0 && report["images"] == report["loaded"], "\(report)")
    let shown = try colours("a/report.html")
    #expect(shown.count > 50 && !shown.isDisjoint(with: Self.curve), "\(shown.count) colours")

    let outcome = try program.run("compare", "a", "b", "--output", "compare.html")
    #expect(outcome.status == 0, "\(outcome.error)")
    let comparison = try counts("compare.html")
    #expect(comparison["figures"] == 3 && comparison["curves"] == 6, "\(comparison)")
    // Values of both runs are in the window, however long.
    #expect(comparison["cut"] == 0, "\(comparison)")
    #expect(comparison["tables"] == 2 && comparison["wide"] == 0, "\(comparison)")
  }

  /// What the test above relies on: a picture that is none, an empty page and a forbidden script are seen.
  @Test func aBadPageIsSeen() throws {
    try program.write(Array("<title>x</title><img src='data:image/png;base64,AAAA'>".utf8), to: "empty.html")
    let found = try counts("empty.html")
    #expect(found["images"] == 1 && found["loaded"] == 0 && found["figures"] == 0, "\(found)")
    try program.write(Array("<title>x</title>".utf8), to: "blank.html")
    #expect(try colours("blank.html").count == 1)
    try train("run")
    let report = String(decoding: try program.contents("run/report.html"), as: UTF8.self)
    try program.write(Array((report + "<script>document.title = 'x'</script>").utf8), to: "script.html")
    let refused = try browser.open("script.html", "--dump-dom")
    #expect(refused.console.count == 1 && refused.console[0].contains("Content Security Policy"))
    #expect(refused.output.contains("<title>run · convtrain</title>"))
  }
}
