// What is in force in a run, as a table before it starts.

import Terminal
import Training

func startTable(_ run: RunDescription) -> String {
  var rows = [
    ("network", "\(run.architecture), \(Format.count(run.parameterCount)) parameters"),
    ("data", "\(run.dataset), \(run.shape), \(run.classCount) classes"),
    (
      "images",
      "\(Format.count(run.trainCount)) training, \(Format.count(run.validationCount)) validation, "
        + "\(Format.count(run.testCount)) test"
    ),
    ("optimizer", run.optimizer),
  ]
  for plugin in run.plugins {
    rows.append(
      ("plugin", "\(plugin.name) \(plugin.version), \(plugin.path), sha256 \(plugin.hash.prefix(16))"))
  }
  rows.append(("optimizer state", Format.bytes(run.stateBytes)))
  if run.epochs > 0 {
    let limit = run.limitBatches.map { ", at most \(Format.count($0)) steps each" } ?? ""
    rows += [
      ("epochs", "\(run.epochs) with batches of \(run.batchSize)\(limit)"),
      ("learning rate", run.learningRate.map { "\($0), \(run.schedule)" } ?? "the optimizer has none"),
      ("gradient clip", run.gradientClip.map { "global norm \($0)" } ?? "none"),
    ]
    if run.sparesBiasesAndNorms { rows.append(("weight decay", "not for biases and norm parameters")) }
  }
  if run.hasEvaluationWeights { rows.append(("evaluated on", "the optimizer's evaluation weights")) }
  rows += [("seed", "\(run.seed)"), ("threads", "\(run.threads)")]
  return Format.table(rows)
}
