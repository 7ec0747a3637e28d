// What a run would do and need, without doing it.

import Terminal
import Training

/// The plan of a run as a table.
func planTable(_ trainer: Trainer, options: CheckpointOptions) -> String {
  let parameters = trainer.network.parameterCount * MemoryLayout<Float>.stride
  let buffers = trainer.network.buffers.reduce(0) { $0 + $1.values.count } * MemoryLayout<Float>.stride
  let activations = trainer.network.workingMemoryBytes
  let state = trainer.optimizer.stateBytes
  let (train, test) = (trainer.dataset.train, trainer.dataset.test)
  let data = train.pixels.count + train.labels.count + test.pixels.count + test.labels.count
  let steps = trainer.options.epochs * trainer.stepsInEpoch
  var rows = [
    ("steps", "\(Format.count(steps)), \(Format.count(trainer.stepsInEpoch)) in each epoch"),
    ("memory", Format.bytes(2 * parameters + buffers + activations + state + data)),
    ("  parameters", Format.bytes(parameters)), ("  gradients", Format.bytes(parameters)),
    ("  activations", Format.bytes(activations)), ("  optimizer state", Format.bytes(state)),
    ("  running statistics", Format.bytes(buffers)), ("  data", Format.bytes(data)),
  ]
  if !options.noRunDir {
    rows.append(
      (
        "checkpoints",
        "\(Format.bytes(parameters + buffers + state)) each, up to \(options.keep + 2) at a time, every "
          + options.checkpointEvery.words
      ))
  }
  return Format.table(rows)
}

extension CheckpointInterval {
  fileprivate var words: String {
    switch unit {
    case .steps: count == 1 ? "step" : "\(Format.count(count)) steps"
    case .epochs: count == 1 ? "epoch" : "\(Format.count(count)) epochs"
    }
  }
}
