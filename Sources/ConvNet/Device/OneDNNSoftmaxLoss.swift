// Softmax cross-entropy, its gradient, and what the step counts.

import Foundation

extension OneDNNDevice {
  func softmaxLoss(_ logits: Tensor, on program: Program) throws -> Tensor? {
    let gradient =
      program.mode == .training ? program.tensor(logits.shape, try plainLayout(logits.shape)) : nil
    let (count, classes) = (logits.shape[0], logits.shape[1])
    let step = program.step
    let kernel = LoopKernel {
      guard let targets = step.targets else { return }
      // Smoothing takes from the labels what it spreads over all classes.
      let uniform = targets.smoothing / Double(classes)
      step.lossSum = 0
      step.correct = 0
      for row in 0..<count {
        let values = logits.floats + row * classes
        let (first, weight, second) = targets.weights(of: row)
        let (own, other) = ((1 - targets.smoothing) * weight, (1 - targets.smoothing) * (1 - weight))
        var best = 0
        for index in 1..<classes where values[index] > values[best] { best = index }
        // In double, and with the largest logit taken out, so that no exponential overflows.
        let largest = Double(values[best])
        var total = 0.0
        for index in 0..<classes { total += exp(Double(values[index]) - largest) }
        var expected = own * (Double(values[first]) - largest)
        if other > 0 { expected += other * (Double(values[second]) - largest) }
        if uniform > 0 {
          for index in 0..<classes { expected += uniform * (Double(values[index]) - largest) }
        }
        step.lossSum += log(total) - expected
        if best == (weight >= 0.5 ? first : second) { step.correct += 1 }
        step.predictions?[row] = Int32(best)
        guard let gradient else { continue }
        let slopes = gradient.floats + row * classes
        for index in 0..<classes {
          let probability = exp(Double(values[index]) - largest) / total
          var target = uniform
          if index == first { target += own }
          if index == second { target += other }
          slopes[index] = Float((probability - target) / Double(count))
        }
      }
      if step.diverged { step.lossSum = .nan }
    }
    program.emit("loss", [logits] + (gradient.map { [$0] } ?? []), kernel)
    return gradient
  }
}
