// From the command line to the options of a run.

import ArgumentParser
import Foundation
import Training

extension Convtrain {
  /// The options of the run.
  func trainingOptions() throws -> TrainingOptions {
    var options = TrainingOptions()
    options.architecture = architecture.architecture
    options.network = structure.networkOptions
    options.epochs = results.skipTrain ? 0 : training.epochs
    options.batchSize = training.batchSize
    options.seed = training.seed
    options.threads = training.threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    options.jit = optimizer.jit ?? false
    options.validationFraction = data.valSplit
    options.limitBatches = training.limitBatches
    options.augmentation = augmentation.augmentation()
    options.optimizer = try optimizer.request()
    options.optimizer.undecayed = groups.undecayed
    options.optimizer.groupRules = try groups.rules()
    options.schedule = schedule.value
    options.labelSmoothing = gradients.labelSmoothing
    options.gradientClipping = gradients.clipping
    options.accumulate = gradients.accumulate
    options.patience = stopping.patience
    options.monitor = stopping.monitor.monitor
    options.timeLimit = stopping.timeLimit?.seconds
    options.overfitsOneBatch = stopping.overfitBatch
    // Read from the run directory's log alone, so only a run that has one pays for it.
    options.evaluatesFastWeights = !checkpoints.noRunDir
    return options
  }
}

/// The most that an option which counts takes: products of two such numbers fit into an `Int`.
let largestCount = 1_000_000_000

/// Refuses a count outside `least`…``largestCount``.
func requireCount(_ option: String, _ value: Int?, from least: Int) throws {
  guard let value else { return }
  try require((least...largestCount).contains(value), option, value, "\(least) to \(largestCount)")
}

/// Refuses a value outside its range.
func require(_ holds: Bool, _ option: String, _ value: Any, _ range: String) throws {
  guard holds else { throw ValidationError("\(option) \(value) is out of range; use \(range)") }
}
