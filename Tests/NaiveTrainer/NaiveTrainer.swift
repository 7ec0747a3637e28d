// Trains as convtrain does, but writes its checkpoints where they will be read, as many programs do. The test that
// kills trainers must catch this one; if it did not, its silence about convtrain would mean nothing.

import Datasets
import Foundation
import OptimizerHost
import Training

/// `naive-trainer FOLDER DATA PLUGINS`: begins the run of the folder, or goes on with it.
@main
struct NaiveTrainer {
  static func main() throws {
    let arguments = CommandLine.arguments
    let folder = "\(arguments[1])/checkpoints"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var options = TrainingOptions()
    options.architecture = .mlp
    options.network.hiddenSizes = [8]
    options.epochs = 30
    options.batchSize = 10
    let trainer = try Trainer(
      options, dataset: Dataset.idx(directory: URL(fileURLWithPath: arguments[2])),
      registry: PluginRegistry(searchPath: [arguments[3]]), events: EventSinks([]))
    let steps = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap(
      CheckpointFolder.step(ofName:))
    if let newest = steps.max() {
      let path = "\(folder)/\(CheckpointFolder.name(step: newest))"
      _ = try trainer.restore(Checkpoint(reading: path), from: path)
    }
    _ = try trainer.train(atPause: { pause in
      let step = trainer.state.position.step
      if pause == .epoch || step % 2 == 0 { try save(trainer, step: step, in: folder, log: arguments[1]) }
    })
  }

  private static func save(_ trainer: Trainer, step: Int, in folder: String, log: String) throws {
    let name = CheckpointFolder.name(step: step)
    _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil)
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(name)"))
    for part in try trainer.checkpoint().parts { try file.write(contentsOf: part) }
    try file.synchronize()
    try file.close()
    let path = MetricsLog.path(in: log)
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let lines = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try lines.seekToEnd()
    let record = EventRecord.Checkpoint(epoch: 1, step: step, file: name)
    try lines.write(contentsOf: Data((EventRecord.checkpoint(record).line + "\n").utf8))
    try lines.close()
  }
}
