// A run: data set, network and optimizer brought together; the only place where the three meet.

import ConvNet
import Datasets
import OptimizerHost

/// Trains and judges one network on one data set.
///
/// A run with the same options, data set, plugins and number of threads ends in the same bits. A trainer
/// belongs to one thread at a time.
public final class Trainer {
  public let options: TrainingOptions
  public let dataset: Dataset
  public let network: Network
  public let optimizer: Optimizer
  /// The optimizer's expression with every value in force, before the schedule changes the learning rate.
  public let optimizerExpression: String
  /// `Optimizer.programProblem` before the first step, which is told at the start.
  public let programProblemAtStart: String?
  public let standardization: Standardization
  public let split: Split
  /// What the run's checkpoints say of its data.
  public let dataIdentity: DataIdentity

  let events: any EventSink
  let trainSource, validationSource, testSource: BatchSource
  /// For evaluations.
  let batch: Batch
  let trainBatches: BatchPipeline
  /// Copies of a step's batches, for optimizers that evaluate the loss of several again.
  var keptBatches: [Batch] = []
  let gradients: Gradients
  let groups: ParameterGroups
  /// Full path of the hyperparameter that says how often a Lookahead of the tree synchronises.
  let lookaheadPath: String?
  /// Every `lr` of the optimizer, in a wrapper or a base, for every parameter group, before the schedule's factor.
  let baseLearningRates: [(path: String, group: Int, value: Double)]
  /// Names of the optimizer's tensors that began with values that are not finite, as a plugin may want it: in these
  /// they are no sign of divergence.
  var unboundedState: Set<String> = []
  /// Where the run is.
  public internal(set) var state = RunState()

  /// Checks the options, makes the network and the optimizer, and reports ``TrainingEvent/started(_:)``.
  ///
  /// - Parameters:
  ///   - weights: loaded into the network before the optimizer sees it, with the standardisation they were
  ///     trained with, and the path they came from, for messages.
  ///   - resumed: what ``restore(_:from:)`` will be given: network and standardisation are the ones that it names, as
  ///     far as it names any, whatever `weights` says.
  ///   - registry: where plugins are found.
  ///   - plansOnly: for a trainer that makes no step: without working memory and initial weights.
  ///   - trace: what records the calls of the optimizer's functions.
  /// - Throws: ``TrainingError``, and the errors of `ConvNet` and `OptimizerHost`.
  public init(
    _ options: TrainingOptions, dataset: Dataset, weights: (content: TrainedWeights, path: String)? = nil,
    resumed: (content: Checkpoint, path: String)? = nil, registry: PluginRegistry = .standard(),
    trace: Trace? = nil, plansOnly: Bool = false,
    events: any EventSink
  ) throws {
    try options.validate()
    let shape = dataset.shape
    try options.augmentation.validate(for: shape)
    self.options = options
    self.dataset = dataset
    dataIdentity = DataIdentity(dataset)
    self.events = events
    var structure = options.network
    var context = weights
    if let resumed {
      let content = TrainedWeights(of: resumed.content)
      // One of other images is for restore(_:from:) to refuse, with all that is different.
      if try content.standardization(channels: nil, path: resumed.path)?.mean.count == shape.channels {
        context = (content, resumed.path)
      }
    }
    if let (content, path) = context {
      structure = structure.completed(by: try content.networkOptions(of: options.architecture, path: path))
    }
    network = try Network(
      options.architecture,
      input: InputShape(channels: shape.channels, height: shape.height, width: shape.width),
      classes: dataset.classCount, batchSize: options.batchSize, seed: options.seed, threads: options.threads,
      options: structure, drawsWeights: weights == nil && !plansOnly, reservesMemory: !plansOnly)
    split = Split(
      count: dataset.train.count, validationFraction: options.validationFraction, seed: options.seed)
    var standardization: Standardization?
    if let weights { try weights.content.load(into: network, path: weights.path) }
    if let (content, path) = context {
      standardization = try content.standardization(channels: shape.channels, path: path)
    }
    // Validation images must not leak into what the network is trained with, so they are not measured.
    let standard = standardization ?? Standardization(fitting: dataset.train, indices: split.train)
    self.standardization = standard
    func source(_ images: LabeledImages, _ indices: [Int]) -> BatchSource {
      BatchSource(images: images, indices: indices, standardization: standard, batchSize: options.batchSize)
    }
    trainSource = source(dataset.train, split.train)
    validationSource = source(
      dataset.train,
      options.overfitsOneBatch
        ? Array(
          trainSource.epochOrder(seed: options.seed, epoch: 0).prefix(options.batchSize * options.accumulate))
        : split.validation)
    if validationSource.batchCount == 0 {
      if options.patience != nil { throw TrainingError.needsValidation(what: "stopping for want of gain") }
      if case .plateau = options.schedule.family {
        throw TrainingError.needsValidation(what: "reducing the learning rate on a plateau")
      }
    }
    try options.schedule.validate(
      epochs: options.epochs, stepsInEpoch: options.stepsInEpoch(batches: trainSource.batchCount))
    testSource = source(dataset.test, Array(0..<dataset.test.count))
    batch = Batch(capacity: options.batchSize, shape: shape)
    // One batch to be learnt by heart stays as it is.
    let augmentation =
      options.augmentation.isNone || options.overfitsOneBatch ? nil : options.augmentation
    trainBatches = BatchPipeline(
      source: trainSource, augmentation: augmentation, seed: options.seed,
      batchesPerEpoch: min(
        trainSource.batchCount, options.stepsInEpoch(batches: trainSource.batchCount) * options.accumulate),
      // Images as they are take a hundredth of the network's time: not worth a thread.
      workers: augmentation == nil ? 0 : options.threads)
    groups = try ParameterGroups(
      of: network.parameters, undecayed: options.optimizer.undecayed, rules: options.optimizer.groupRules)
    optimizer = try options.optimizer.makeOptimizer(
      for: network, groups: groups, registry: registry, threads: options.threads, seed: options.seed,
      compiler: options.jit ? ProgramCompiler() : nil, trace: trace)
    optimizerExpression = optimizer.expression
    programProblemAtStart = optimizer.programProblem
    gradients = Gradients(of: network)
    lookaheadPath = Self.lookaheadPath(in: optimizer)
    baseLearningRates = try optimizer.hyperparameters.map(\.path).filter { $0 == "lr" || $0.hasSuffix(".lr") }
      .flatMap { [optimizer, groups] path in
        try groups.groups.indices.map { (path, $0, try optimizer.value(of: path, group: $0)) }
      }
    events.receive(.started(description))
  }

  /// The weights that ``test()`` judges, for a file.
  /// - Throws: errors of `OptimizerHost`.
  public func weights() throws -> TrainedWeights {
    try optimizer.withEvaluationWeights {
      TrainedWeights(
        of: network, standardization: standardization, optimizer: optimizerExpression,
        epochs: state.position.epoch,
        seed: options.seed)
    }
  }

  /// Loss, accuracy and confusion on the test images, with the optimizer's evaluation weights.
  /// - Parameter isCancelled: asked before each batch.
  /// - Throws: `CancellationError` when cancelled; errors of `ConvNet` and `OptimizerHost`.
  public func test(isCancelled: () -> Bool = { false }) throws -> Evaluation {
    try evaluate(testSource, isCancelled: isCancelled)
  }

  /// As ``test(isCancelled:)``, with the mistakes of which the network is surest, the surest first.
  /// - Parameter limit: the most mistakes, 0 or more.
  public func test(
    mistakes limit: Int, isCancelled: () -> Bool = { false }
  ) throws -> (evaluation: Evaluation, mistakes: [Mistake]) {
    var list = MistakeList(limit: limit)
    let evaluation = try evaluate(testSource, isCancelled: isCancelled) { batch, number, predictions in
      let logits = network.logits
      for place in 0..<batch.count {
        list.add(
          index: testSource.indices[number * testSource.batchSize + place], label: Int(batch.labels[place]),
          prediction: Int(predictions[place]),
          logits: logits[place * dataset.classCount..<(place + 1) * dataset.classCount])
      }
    }
    list.cut()
    return (evaluation, list.mistakes)
  }

  /// As ``test(isCancelled:)``, on the validation images; nil without any.
  public func validate(isCancelled: () -> Bool = { false }) throws -> Evaluation? {
    validationSource.batchCount == 0 ? nil : try evaluate(validationSource, isCancelled: isCancelled)
  }

  /// One pass over `source` in inference mode, with the optimizer's evaluation weights or those being trained.
  /// - Parameter observe: called after each batch with its number and predictions.
  func evaluate(
    _ source: BatchSource, onFastWeights: Bool = false, isCancelled: () -> Bool,
    observe: (Batch, Int, [Int32]) -> Void = { _, _, _ in }
  ) throws -> Evaluation {
    func body() throws -> Evaluation {
      var loss = 0.0
      var confusion = ConfusionMatrix(classCount: dataset.classCount)
      var predictions = [Int32](repeating: 0, count: source.batchSize)
      for number in 0..<source.batchCount {
        if isCancelled() { throw CancellationError() }
        source.fill(batch, number: number, order: source.indices)
        guard let images = batch.images.baseAddress, let labels = batch.labels.baseAddress else { continue }
        loss += try predictions.withUnsafeMutableBufferPointer { predictions in
          try network.evaluate(
            images: images, labels: labels, count: batch.count, predictions: predictions.baseAddress
          ).lossSum
        }
        for place in 0..<batch.count {
          confusion.add(label: Int(batch.labels[place]), prediction: Int(predictions[place]))
        }
        observe(batch, number, predictions)
      }
      return Evaluation(loss: loss / Double(max(1, confusion.total)), confusion: confusion)
    }
    return onFastWeights ? try body() : try optimizer.withEvaluationWeights(body)
  }

  private var description: RunDescription {
    RunDescription(
      architecture: options.architecture.rawValue, parameterCount: network.parameterCount,
      dataset: dataset.name, shape: dataset.shape, classCount: dataset.classCount,
      trainCount: split.train.count, validationCount: split.validation.count, testCount: dataset.test.count,
      epochs: options.epochs, batchSize: options.batchSize, limitBatches: options.limitBatches,
      optimizer: optimizerExpression,
      plugins: optimizer.optimizers.map {
        .init(name: $0.name, version: $0.version, path: $0.path, hash: $0.hash)
      },
      stateBytes: optimizer.stateBytes,
      learningRate: baseLearningRates.first?.value,
      schedule: options.schedule.summary(epochs: options.epochs, stepsInEpoch: stepsInEpoch),
      labelSmoothing: options.labelSmoothing, gradientClipping: options.gradientClipping?.summary,
      accumulate: options.accumulate, groups: groups.descriptions, limits: options.limits,
      overfitsOneBatch: options.overfitsOneBatch,
      hasEvaluationWeights: optimizer.hasEvaluationWeights, seed: options.seed, threads: options.threads,
      programs: options.jit ? programProblemAtStart ?? Self.programsInUse : nil)
  }

  private static let programsInUse = "compiled programs take the optimizer's steps"
}
