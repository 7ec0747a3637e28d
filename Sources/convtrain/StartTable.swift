// What is in force in a run, as a table before it starts.

import Terminal
import Training

func startTable(_ run: RunDescription) -> String {
  var rows = [
    ("network", "\(run.architecture), \(Format.count(run.parameterCount, "parameter"))"),
    ("data", "\(run.dataset), \(run.shape), \(Format.count(run.classCount, "class", plural: "classes"))"),
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
    let limit = run.limitBatches.map { ", at most \(Format.count($0, "step")) each" } ?? ""
    let steps = run.accumulate == 1 ? "" : ", \(Format.count(run.accumulate)) of them for a step"
    rows += [
      ("epochs", "\(run.epochs) with batches of \(run.batchSize)\(steps)\(limit)"),
      ("learning rate", run.learningRate.map { "\($0), \(run.schedule)" } ?? "the optimizer has none"),
    ]
    if run.labelSmoothing > 0 { rows.append(("label smoothing", "\(run.labelSmoothing)")) }
    rows.append(("gradient clip", run.gradientClipping ?? "none"))
    for group in run.groups {
      rows.append(
        (
          "group",
          "\(group.name): \(Format.count(group.tensors, "tensor")), \(Format.count(group.elements, "parameter")), "
            + group.settings.joined(separator: ", ")
        ))
    }
    if run.overfitsOneBatch { rows.append(("overfit", "every step is made on one batch")) }
    if !run.limits.isEmpty { rows.append(("ends after", run.limits.joined(separator: ", or "))) }
  }
  if run.hasEvaluationWeights { rows.append(("evaluated on", "the optimizer's evaluation weights")) }
  if let programs = run.programs { rows.append(("jit", programs)) }
  rows += [("seed", "\(run.seed)"), ("threads", "\(run.threads)")]
  return Format.table(rows)
}
