// The parts of a step without the trainer around them: to compare losses, and to time each part.

import ConvNet
import Datasets
import Foundation
import OptimizerHost

/// Network, optimizer and images; batches in the order of the images.
final class BareStep {
  private let network: Network
  private let optimizer: Optimizer
  private let source: BatchSource
  private let batch: Batch
  private var steps = 0

  /// - Parameter dropout: false leaves dropout out, whose masks no two libraries share.
  init(_ trainingCase: TrainingCase, dropout: Bool) throws {
    let images = trainingCase.images(trainingCase.images)
    let shape = images.shape
    network = try Network(
      trainingCase.architecture,
      input: InputShape(channels: shape.channels, height: shape.height, width: shape.width),
      classes: TrainingCase.classes, batchSize: trainingCase.batch, seed: 1, threads: trainingCase.threads,
      dropout: dropout, directConvolutions: trainingCase.direct ?? false)
    let parameters = network.parameters.compactMap { parameter in
      parameter.values.baseAddress.map {
        Parameter(name: parameter.name, shape: parameter.shape, values: UnsafeMutableRawPointer($0))
      }
    }
    optimizer = try Optimizer(
      trainingCase.optimizer, registry: .standard(), parameters: parameters, threads: trainingCase.threads)
    source = BatchSource(
      images: images, indices: Array(0..<trainingCase.images / trainingCase.batch * trainingCase.batch),
      standardization: trainingCase.standardization, batchSize: trainingCase.batch)
    batch = Batch(capacity: trainingCase.batch, shape: shape)
  }

  /// Takes all parameters from a file of float32 values, one parameter after another.
  func load(_ path: String) throws {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw Refusal("\(path) cannot be read: \(error.localizedDescription)")
    }
    guard data.count == network.parameterCount * MemoryLayout<Float>.stride else {
      throw Refusal(
        "\(path) has \(data.count) bytes, but the network has \(network.parameterCount) parameters of 4 bytes"
      )
    }
    var start = data.startIndex
    for parameter in network.parameters {
      let target = UnsafeMutableRawBufferPointer(parameter.values)
      data[start..<start + target.count].withUnsafeBytes { target.copyMemory(from: $0) }
      start += target.count
    }
  }

  /// - Returns: the mean loss of the batch, before the step.
  func run() throws -> Double {
    prepare()
    let loss = try pass()
    try update()
    return loss
  }

  private func prepare() {
    source.fill(batch, number: steps % source.batchCount, order: source.indices)
    steps += 1
  }

  private func pass() throws -> Double {
    guard let images = batch.images.baseAddress, let labels = batch.labels.baseAddress else { return 0 }
    return try network.trainStep(images: images, labels: labels, count: batch.count).meanLoss
  }

  private func update() throws {
    try optimizer.step(
      gradients: network.parameters.map { $0.gradient.baseAddress.map { UnsafeRawPointer($0) } })
  }

  /// Times each part of so many steps, after one that is not counted.
  /// - Returns: means of a step.
  func profile(steps count: Int) throws -> [Reply.Part] {
    _ = try run()
    let profile = StepProfile()
    network.profile = profile
    let clock = ContinuousClock()
    var (data, optimizer) = (Duration.zero, Duration.zero)
    for _ in 0..<count {
      data += clock.measure { prepare() }
      _ = try pass()
      optimizer += try clock.measure { try update() }
    }
    network.profile = nil
    func part(_ name: String, _ seconds: Double, _ products: Double = 0) -> Reply.Part {
      Reply.Part(name: name, seconds: seconds / Double(count), products: products / Double(count))
    }
    return [part("data preparation", data / .seconds(1))]
      + profile.operations.map { part($0.name, $0.seconds, $0.products) }
      + [part("optimizer step", optimizer / .seconds(1))]
  }
}
