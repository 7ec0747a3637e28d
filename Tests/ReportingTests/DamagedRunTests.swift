// Run directories with files that are damaged, or made to do harm.

import Foundation
import TestSupport
import Testing

@testable import Reporting

@Suite struct DamagedRunTests {
  private let folder: TemporaryFolder

  private static let steps = [
    #"{"event":"step","epoch":1,"step":1,"loss":2.5,"accuracy":0.25,"lr":0.1,"images_per_second":100}"#,
    #"{"event":"step","epoch":1,"step":2,"loss":1.5,"accuracy":0.5,"lr":0.1,"images_per_second":100}"#,
  ]

  init() throws {
    folder = try TemporaryFolder()
    try write("metrics.jsonl", Self.steps.joined(separator: "\n") + "\n")
  }

  private func write(_ name: String, _ text: String) throws { _ = try folder.write(name, text.utf8) }

  private func read() throws -> RunRecord { try RunRecord(reading: folder.url.path) }

  /// What is said of the directory; nil if it can be read.
  private func complaint() -> String? {
    do {
      // Whatever can be read can be drawn.
      let run = try read()
      #expect(ReportPage.html(run).hasSuffix("</html>\n"))
      #expect(ComparisonPage.html(Comparison([run, run])).hasSuffix("</html>\n"))
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func expect(
    _ name: String, _ texts: String..., at location: SourceLocation = #_sourceLocation
  ) throws {
    let complaint = try #require(self.complaint(), "\(name) was taken", sourceLocation: location)
    for text in [folder.path(name)] + texts {
      #expect(complaint.contains(text), "\(complaint)", sourceLocation: location)
    }
  }

  @Test(arguments: [
    (#"{"event":"step","epoch":1,"step":"3","loss":1,"accuracy":1,"images_per_second":1}"#, "\"step\" is of"),
    (#"{"event":"step","epoch":1,"step":3,"accuracy":1,"images_per_second":1}"#, "\"loss\" is missing"),
    (#"{"event":"step","epoch":1,"step":3,"loss":NaN,"accuracy":1,"images_per_second":1}"#, "no JSON object"),
    (
      #"{"event":"step","epoch":1,"step":3,"loss":1e999,"accuracy":1,"images_per_second":1}"#,
      "no JSON object"
    ),
    (
      #"{"event":"step","epoch":1,"step":1e300,"loss":1,"accuracy":1,"images_per_second":1}"#,
      "no JSON object"
    ),
    (#"{"event":"step","epoch":1,"step":-3,"loss":1,"accuracy":1,"images_per_second":1}"#, "count from 1"),
    (#"{"event":"test","loss":1,"accuracy":1,"count":1,"confusion_matrix":[[1,2],[3]]}"#, "not square"),
    (#"{"event":"test","loss":1,"accuracy":1,"count":1,"confusion_matrix":[[-1]]}"#, "no counts"),
    (#"{"event":7}"#, "\"event\" is of"), ("[]", "no JSON object"), ("null", "no JSON object"),
    ("{", "no JSON object"),
    (#"{"event":"# + String(repeating: "[", count: 100_000), "no JSON object"),
  ])
  func aLineThatIsNoRecordIsNamed(line: String, reason: String) throws {
    try write("metrics.jsonl", ([Self.steps[0], line, Self.steps[1]].joined(separator: "\n")) + "\n")
    try expect("metrics.jsonl", ", line 2: ", reason, "remove the line")
  }

  /// JSON has no NaN, so a log says null: a gap in the curve and no more.
  @Test func valuesThatAreNotFiniteAreGaps() throws {
    try write(
      "metrics.jsonl",
      #"""
      {"event":"step","epoch":1,"step":1,"loss":null,"accuracy":0.5,"images_per_second":null}
      {"event":"step","epoch":1,"step":2,"loss":1e308,"accuracy":-1e308,"images_per_second":1}
      {"event":"step","epoch":1,"step":9223372036854775807,"loss":1,"accuracy":1,"images_per_second":1}
      {"event":"epoch","epoch":1,"step":2,"train_loss":null,"train_accuracy":null,"seconds":null,"images_per_second":1}
      {"event":"of another version","epoch":{}}

      """#)
    #expect(complaint() == nil)
    #expect(try read().history.steps.count == 3)
  }

  @Test func halfALastLineIsLeftOut() throws {
    try write("metrics.jsonl", Self.steps[0] + "\n" + Self.steps[1].prefix(40))
    let run = try read()
    #expect(run.history.steps.count == 1 && run.notes.count == 1)
    #expect(ReportPage.html(run).contains("The last line of metrics.jsonl is incomplete"))
  }

  @Test func bytesThatAreNoText() throws {
    let noise = (0..<4096).map { UInt8(truncatingIfNeeded: splitMix(UInt64($0))) }
    for name in ["metrics.jsonl", "config.json", "environment.json", "misclassified.json"] {
      let old = FileManager.default.contents(atPath: folder.path(name))
      _ = try folder.write(name, noise)
      try expect(name, "damaged")
      // A folder or a pipe: nothing that could be waited for.
      try FileManager.default.removeItem(atPath: folder.path(name))
      #expect(mkfifo(folder.path(name), 0o600) == 0)
      try expect(name, "not a regular file")
      try FileManager.default.removeItem(atPath: folder.path(name))
      // Large without taking room on the disk.
      #expect(FileManager.default.createFile(atPath: folder.path(name), contents: nil))
      #expect(truncate(folder.path(name), 600 << 20) == 0)
      try expect(name, "larger than", "MiB")
      try FileManager.default.removeItem(atPath: folder.path(name))
      if let old { try old.write(to: URL(fileURLWithPath: folder.path(name))) }
    }
    #expect(complaint() == nil)
  }

  @Test(arguments: [
    "[1]", "3", "null", #"{"shape":[1],"class_names":[],"count":1}"#,
    #"{"shape":"1x1","class_names":[],"count":1,"images":[]}"#,
    #"{"shape":[1,1,1],"class_names":[],"count":1,"images":[{"index":0,"label":0,"prediction":1,"probability":1,"label_probability":0,"pixels":"?"}]}"#,
  ])
  func picturesThatAreNone(text: String) throws {
    try write("misclassified.json", text)
    try expect("misclassified.json", "restore the file, or remove it")
    try FileManager.default.removeItem(atPath: folder.path("misclassified.json"))
    try write("config.json", text.hasPrefix("{") ? "[\(text)]" : text)
    try expect("config.json", "no JSON object")
  }

  /// Sizes whose product overflows, classes that are not there, markup where names should be.
  @Test func nothingThatAFileSaysBecomesMarkup() throws {
    let attack = #"<script>alert(1)</script>\" onload='x' &\u0007"#
    let name = "run <b>'\"&"
    let directory = folder.path(name)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    func put(_ file: String, _ text: String) throws { _ = try folder.write("\(name)/\(file)", text.utf8) }
    try put(
      "metrics.jsonl",
      Self.steps[0]
        + #"""

        {"event":"epoch","epoch":1,"step":1,"train_loss":1,"train_accuracy":1,"validation_loss":1,"validation_accuracy":1,"seconds":1,"images_per_second":1}
        {"event":"test","loss":1,"accuracy":0.5,"count":2,"confusion_matrix":[[1,1],[0,0]]}

        """#)
    try put("config.json", #"{"arch":"\#(attack)","\#(attack)":["\#(attack)",{"\#(attack)":null}]}"#)
    try put("environment.json", #"{"plugins":[{"name":"\#(attack)"}]}"#)
    try put(
      "misclassified.json",
      #"""
      {"shape":[3,9223372036854775807,4],"class_names":["\#(attack)"],"count":-1,"images":[]}
      """#)
    let pages = [
      ReportPage.html(try RunRecord(reading: directory)),
      ComparisonPage.html(Comparison([try RunRecord(reading: directory), try read()])),
      try {
        try put(
          "misclassified.json",
          #"""
          {"shape":[3,9223372036854775807,4],"class_names":["\#(attack)"],"count":1,"images":[
          {"index":-1,"label":0,"prediction":-7,"probability":1e300,"label_probability":-1,"pixels":"AAAA"}]}
          """#)
        return ReportPage.html(try RunRecord(reading: directory))
      }(),
    ]
    for page in pages {
      #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&#39;x&#39; &amp;\u{FFFD}"))
      #expect(page.contains("run &lt;b&gt;&#39;&quot;&amp;"))
      for text in ["<script", "<b>'", "\" onload", "\u{7}"] { #expect(!page.contains(text), "\(text)") }
    }
    #expect(pages[2].contains("no picture") && pages[2].contains("<b>-7</b>"))
  }

  /// Within the size that is read at all, many settings take no time that grows with their square.
  @Test func manySettingsAreCompared() throws {
    let other = try TemporaryFolder()
    _ = try other.write("metrics.jsonl", Self.steps[0].utf8)
    let names = (0..<100_000).map { #""\#($0)":0"# }.joined(separator: ",")
    _ = try other.write("config.json", "{\(names)}".utf8)
    let comparison = Comparison([try read(), try RunRecord(reading: other.url.path)])
    #expect(comparison.differences.count == 100_000)
  }
}
