// A run's folder: one writer, a log without gaps or repeats, and checkpoints of which the right ones stay.

import Foundation
import Testing
@testable import Training

@Suite struct RunDirectoryTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func trainer(epochs: Int = 3, events: any EventSink = Recorder()) throws -> Trainer {
    let options = smallRun(epochs: epochs) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [4]
      $0.limitBatches = 3
    }
    return try Trainer(options, dataset: smallDigits, events: events)
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }

  @Test func aNameIsUsedOnce() throws {
    let parent = folder.path("runs")
    let first = try RunDirectory(creatingIn: parent, name: "a")
    let second = try RunDirectory(creatingIn: parent, name: "a")
    #expect([first.path, second.path] == ["\(parent)/a", "\(parent)/a-2"])
    try write("x", to: folder.path("file"))
    #expect(throws: TrainingError.self) { try RunDirectory(creating: folder.path("file")) }
    #expect(throws: TrainingError.self) { try RunDirectory(opening: folder.path("none")) }
    try first.write("{}", to: RunDirectory.configuration(in: first.path))
    #expect {
      try RunDirectory(creating: first.path)
    } throws: { "\($0)".contains("holds a run already") }
  }

  /// A process that is gone holds no lock, whatever the file says.
  @Test func oneWriterAtATime() throws {
    let path = folder.path("run")
    var writer: RunDirectory? = try RunDirectory(creating: path)
    try writer?.write("{}", to: RunDirectory.configuration(in: path))
    #expect {
      try RunDirectory(opening: path)
    } throws: { error in
      guard case TrainingError.locked(path, let owner) = error else { return false }
      return owner.contains("process \(getpid())")
    }
    writer = nil
    _ = try RunDirectory(opening: path)
    try write("process 1 on nowhere", to: path + "/lock")
    _ = try RunDirectory(opening: path)
  }

  /// A process may end while it writes its first checkpoint: then there is none to go on from, and the run begins anew.
  @Test func whatIsHalfWrittenGoes() throws {
    let path = folder.path("run")
    for isBegun in [false, true] {
      try FileManager.default.createDirectory(
        atPath: path + "/checkpoints", withIntermediateDirectories: true)
      let torn = [path + "/.config.json.1.part", path + "/checkpoints/.step-00000002.safetensors.2.part"]
      for file in torn { try write("half", to: file) }
      if isBegun { try write("{}", to: RunDirectory.configuration(in: path)) }
      _ = try isBegun ? RunDirectory(opening: path) : RunDirectory(creating: path)
      for file in torn { #expect(!FileManager.default.fileExists(atPath: file), "\(file)") }
    }
  }

  /// A line for each step and epoch, once, whatever had been written when the run ended.
  @Test func theLogGoesOnWhereTheRunDoes() throws {
    let path = folder.path("run")
    do {
      let directory = try RunDirectory(creating: path)
      try directory.write("{}", to: RunDirectory.configuration(in: path))
      let sinks = EventSinks([])
      let trainer = try trainer(events: sinks)
      let recorder = try RunRecorder(directory, interval: .init(count: 2, unit: .steps))
      sinks.add(recorder)
      _ = try train(trainer, recorder, until: 5)
    }
    let log = MetricsLog.path(in: path)
    let text = try String(contentsOfFile: log, encoding: .utf8)
    #expect(text.contains(#""step":5"#))
    try write(text + #"{"event":"step","epoch":2,"st"#, to: log)
    let directory = try RunDirectory(opening: path)
    let checkpoints = CheckpointFolder(path: RunDirectory.checkpoints(in: path), kept: 1)
    let found = try checkpoints.newest()
    #expect(found.checkpoint.facts.state.position.step == 4 && found.passedOver.isEmpty)
    let sinks = EventSinks([])
    let trainer = try trainer(events: sinks)
    _ = try trainer.restore(found.checkpoint, from: found.path)
    let recorder = try RunRecorder(directory, resumed: found.checkpoint)
    #expect(try !String(contentsOfFile: log, encoding: .utf8).contains(#""step":5"#))
    sinks.add(recorder)
    _ = try train(trainer, recorder, until: .max)
    let records = try MetricsLog.records(log)
    let steps = records.compactMap { if case .step(let step) = $0 { step.step } else { nil } }
    let epochs = records.compactMap { if case .epoch(let epoch) = $0 { epoch.epoch } else { nil } }
    #expect(steps == Array(1...9) && epochs == [1, 2, 3])
    let table = try String(contentsOfFile: path + "/metrics.csv", encoding: .utf8).split(separator: "\n")
    #expect(table.count == 1 + 9 + 3)
    #expect(Set(table.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }) == [15])
  }

  private func train(_ trainer: Trainer, _ recorder: RunRecorder, until step: Int) throws {
    _ = try trainer.train {
      trainer.state.position.step >= step
    } atPause: {
      try recorder.pause($0, of: trainer)
    }
  }

  /// Time alone can make a checkpoint due; the end of an epoch has one instead of its last step.
  @Test func checkpointsByTime() throws {
    let directory = try RunDirectory(creating: folder.path("run"))
    let recorder = try RunRecorder(
      directory, interval: .init(count: 99, unit: .epochs), minutes: 1e-9, kept: 99)
    var seen: [EventRecord.Checkpoint] = []
    recorder.onCheckpoint = { seen.append($0) }
    try train(trainer(), recorder, until: 5)
    #expect(seen.map(\.step) == [1, 2, 3, 4, 5] && seen.map(\.epoch) == [1, 1, 1, 2, 2])
    #expect(recorder.lastGood?.step == 5)
  }

  @Test func whatTheRunWasMadeWithComesBack() throws {
    let directory = try RunDirectory(creating: folder.path("run"))
    let environment = try RunEnvironment(trainer())
    try environment.write(to: directory)
    let read = try #require(RunEnvironment(in: directory.path))
    #expect(environment.differences(from: read) == [] && read.plugins == environment.plugins)
    #expect(read.data == environment.data && !read.oneDNN.isEmpty && read.started == environment.started)
    let resumed = environment.resuming(read, at: 7)
    #expect(resumed.resumed.map(\.step) == [7] && resumed.started == read.started)
    let other = try Trainer(
      smallRun { $0.threads = 2 }, dataset: smallDigits, events: Recorder())
    #expect(RunEnvironment(other).differences(from: read) == ["threads: was 1, is 2"])
  }

  @Test func aDamagedLineIsNamed() throws {
    let path = folder.path("metrics.jsonl")
    let line = EventRecord.checkpoint(.init(epoch: 1, step: 1, file: "x")).line
    try write(line + "\n" + line.dropLast() + "\n" + line + "\n", to: path)
    #expect {
      try MetricsLog.records(path)
    } throws: { "\($0)".contains("line 2 is damaged") }
    try write(line + "\n{\"event\":\"wish\"}\n" + line.dropLast(), to: path)
    #expect(try MetricsLog.records(path).count == 1)
    #expect(try MetricsLog.records(folder.path("none")) == [])
  }

  /// The newest two, the best, and the newest whose values are all finite.
  @Test func theRightCheckpointsStay() throws {
    let checkpoints = CheckpointFolder(path: folder.url.path, kept: 2)
    let trainer = try trainer(epochs: 3)
    var best: [Int] = []
    _ = try trainer.train(atPause: { pause in
      let step = trainer.state.position.step
      if pause == .epoch { best.append(trainer.state.best?.step ?? 0) }
      if pause == .step || step == 9 { _ = try checkpoints.write(trainer.checkpoint()) }
    })
    let kept = try checkpoints.steps()
    #expect(kept.suffix(2) == [8, 9])
    #expect(kept.count <= 3 && kept.allSatisfy { $0 >= 8 || best.contains($0) }, "\(kept), best \(best)")
    // From here on nothing is finite, and the last that was stays.
    let values = try #require(trainer.network.parameters.first).values
    let value = values[0]
    values[0] = .nan
    for step in 10...13 {
      trainer.state.position.step = step
      _ = try checkpoints.write(trainer.checkpoint())
    }
    #expect(Set(try checkpoints.steps()).isSuperset(of: [9, 12, 13]))
    #expect(try !checkpoints.steps().contains(11))
    let found = try checkpoints.newest()
    #expect(found.checkpoint.facts.state.position.step == 9 && found.passedOver.count == 2)
    #expect(found.passedOver.allSatisfy { $0.contains("not finite") })
    // A run that goes on from one that is not finite does not lose the last that is whole and finite.
    try write("{}", to: checkpoints.file(step: 10))
    let another = CheckpointFolder(path: folder.url.path, kept: 1)
    #expect(try another.continueRun(at: Checkpoint(reading: checkpoints.file(step: 12))).count == 1)
    #expect(another.newestFinite == 9)
    for step in 13...15 {
      trainer.state.position.step = step
      _ = try another.write(trainer.checkpoint())
    }
    #expect(Set(try checkpoints.steps()).isSuperset(of: [9, 15]))
    #expect(try !checkpoints.steps().contains(14))
    values[0] = value
    let moved = try checkpoints.continueRun(at: found.checkpoint)
    #expect(moved == ["step-00000015.safetensors"])
    #expect(try checkpoints.steps().last == 9)
  }

  /// A damaged file is passed over for the one before it, and moved away when the run goes on.
  @Test func damagedFilesArePassedOver() throws {
    let checkpoints = CheckpointFolder(path: folder.url.path, kept: 3)
    let trainer = try trainer(epochs: 1)
    _ = try trainer.train(atPause: { pause in
      if pause == .step { _ = try checkpoints.write(trainer.checkpoint()) }
    })
    let newest = try checkpoints.file(step: #require(checkpoints.steps().last))
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: newest)))
    bytes[bytes.count - 3] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: newest))
    let found = try checkpoints.newest()
    #expect(found.checkpoint.facts.state.position.step == 2)
    #expect(found.passedOver.count == 1 && found.passedOver[0].contains(newest))
    #expect(try checkpoints.continueRun(at: found.checkpoint) == ["step-00000003.safetensors"])
    #expect(try checkpoints.steps() == [1, 2])
    for step in [1, 2] { try write("{}", to: checkpoints.file(step: step)) }
    #expect {
      try checkpoints.newest()
    } throws: { error in
      guard case TrainingError.noCheckpoint(_, let findings) = error else { return false }
      return findings.count == 2
    }
  }

  @Test(arguments: [("5", "5"), ("2e", "2e"), ("0", nil), ("e", nil), ("-1", nil), ("1.5", nil), ("", nil)])
  func intervals(text: String, expected: String?) {
    #expect(CheckpointInterval(text)?.text == expected)
  }
}
