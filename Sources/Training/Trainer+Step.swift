// One optimizer step: loss and gradient of its batches, clipping, the optimizer, and what is said on divergence.

import ConvNet
import Datasets
import OptimizerHost
import Safetensors

extension Trainer {
  /// Forward, backward and optimizer step on one batch, or on several whose gradients are averaged over all images.
  ///
  /// An optimizer that wants the loss evaluated again gets it of the same batches, smoothed, averaged and clipped
  /// likewise; what is returned is of the first evaluation.
  ///
  /// - Parameter nextBatch: gives the batch of a number below ``TrainingOptions/accumulate``, or nil when the epoch
  ///   has no more; valid until it is called again.
  /// - Returns: what was found, and the gradient's global norm before clipping where clipping needs it.
  func step(_ nextBatch: (Int) throws -> Batch?) throws -> (result: BatchResult, gradientNorm: Double?) {
    let keepsAll = options.accumulate > 1 && optimizer.mayReevaluate
    var batches: [Batch] = []
    let first = try meanGradient { micro in
      guard micro < options.accumulate, let batch = try nextBatch(micro) else { return nil }
      if keepsAll { batches.append(keep(batch, at: micro)) } else { batches = [batch] }
      guard let (images, targets) = content(of: batch) else { return nil }
      return try network.trainStep(images: images, targets: targets, count: batch.count)
    }
    do {
      let norm = try optimizer.step(
        gradients: network.parameters.map { $0.gradient.baseAddress.map { UnsafeRawPointer($0) } },
        clippingNorm: options.gradientClipping?.norm, loss: first.meanLoss
      ) { [self] in
        try meanGradient { micro in
          guard micro < batches.count, let (images, targets) = content(of: batches[micro]) else { return nil }
          return try network.reevaluate(
            images: images, targets: targets, count: batches[micro].count, stepsBack: batches.count - micro)
        }.meanLoss
      }
      return (first, norm)
    } catch OptimizerError.norm(let norm) {
      throw divergence("the gradient's norm is \(norm)", looksForTensor: true)
    }
  }

  /// Evaluates batch after batch until there is none, and leaves the mean gradient over all their images, clipped by
  /// value or by the weights where that is asked for.
  private func meanGradient(_ evaluateNext: (Int) throws -> BatchResult?) throws -> BatchResult {
    var (lossSum, correct, images, batches) = (0.0, 0, 0, 0)
    while let result = try evaluateNext(batches) {
      guard result.lossSum.isFinite else {
        throw divergence("the loss is \(result.lossSum)", looksForTensor: true)
      }
      if options.accumulate > 1 { gradients.add(weight: result.count, isFirst: batches == 0) }
      lossSum += result.lossSum
      correct += result.correct
      images += result.count
      batches += 1
    }
    if batches > 1 { gradients.finishMean(count: images) }
    switch options.gradientClipping {
    case .value(let limit): gradients.clip(toValue: limit)
    case .adaptive(let factor): gradients.clipAdaptively(factor: factor)
    case .norm, nil: break
    }
    return BatchResult(lossSum: lossSum, correct: correct, count: images)
  }

  /// A copy of a micro-batch that lasts for the step.
  private func keep(_ batch: Batch, at place: Int) -> Batch {
    if keptBatches.count == place {
      keptBatches.append(Batch(capacity: options.batchSize, shape: dataset.shape))
    }
    keptBatches[place].copy(batch)
    return keptBatches[place]
  }

  private func content(of batch: Batch) -> (images: UnsafePointer<Float>, targets: Targets)? {
    guard let images = batch.images.baseAddress, let labels = batch.labels.baseAddress,
      let second = batch.secondLabels.baseAddress, let shares = batch.shares.baseAddress
    else { return nil }
    let mixture = batch.isMixed ? Targets.Mixture(labels: second, shares: shares) : nil
    let targets = Targets(labels: labels, mixture: mixture, smoothing: options.labelSmoothing)
    return (UnsafePointer(images), targets)
  }

  /// - Parameter looksForTensor: whether the first tensor that is not finite is to be named as well.
  func divergence(_ what: String, looksForTensor: Bool = false) -> TrainingError {
    let tensor = looksForTensor ? firstNonFinite ?? firstNonFiniteGradient ?? firstNonFiniteState : nil
    let place = tensor.map { "\($0) holds values that are not finite" } ?? "all weights are still finite"
    return .diverged(
      epoch: state.position.epoch + 1, step: min(state.position.stepInEpoch + 1, stepsInEpoch),
      finding: looksForTensor ? "\(what); \(place)" : what)
  }

  /// The first parameter or running statistic with a value that is not finite.
  var firstNonFinite: String? {
    network.parameters.first { !$0.values.allSatisfy(\.isFinite) }?.name
      ?? network.buffers.first { !$0.values.allSatisfy(\.isFinite) }?.name
  }

  /// The first of the optimizer's tensors with a value that is not finite.
  var firstNonFiniteState: String? { firstNonFinite(of: optimizer.state()) }

  /// As ``firstNonFiniteState``, of what `Optimizer.state()` has given.
  func firstNonFinite(of state: [NamedTensor]) -> String? {
    state.first { !$0.isFinite && !unboundedState.contains($0.name) }?.name
  }

  private var firstNonFiniteGradient: String? {
    network.parameters.first { !$0.gradient.allSatisfy(\.isFinite) }.map { "the gradient of \($0.name)" }
  }
}
