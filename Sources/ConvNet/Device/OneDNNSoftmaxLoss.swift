// Softmax cross-entropy, its gradient, and what the step counts.

import Foundation

extension OneDNNDevice {
  func softmaxLoss(_ logits: Tensor, on program: Program) throws -> Tensor? {
    let gradient =
      program.mode == .training ? program.tensor(logits.shape, try plainLayout(logits.shape)) : nil
    let (count, classes) = (logits.shape[0], logits.shape[1])
    let step = program.step
    let kernel = LoopKernel {
      guard let labels = step.labels else { return }
      step.lossSum = 0
      step.correct = 0
      for row in 0..<count {
        let values = logits.floats + row * classes
        let label = Int(labels[row])
        var best = 0
        for index in 1..<classes where values[index] > values[best] { best = index }
        // In double, and with the largest logit taken out, so that no exponential overflows.
        let largest = Double(values[best])
        var total = 0.0
        for index in 0..<classes { total += exp(Double(values[index]) - largest) }
        step.lossSum += log(total) - (Double(values[label]) - largest)
        if best == label { step.correct += 1 }
        step.predictions?[row] = Int32(best)
        guard let gradient else { continue }
        let slopes = gradient.floats + row * classes
        for index in 0..<classes {
          let probability = exp(Double(values[index]) - largest) / total
          slopes[index] = Float((probability - (index == label ? 1 : 0)) / Double(count))
        }
      }
      if step.diverged { step.lossSum = .nan }
    }
    program.emit("loss", [logits] + (gradient.map { [$0] } ?? []), kernel)
    return gradient
  }
}
