// A recorded step: the operations of one pass in order, and where their tensors lie in the arena.

/// Whether a program learns (batch statistics, dropout, gradients) or only predicts.
enum Mode: Hashable {
  case training
  case inference
}

/// What changes from step to step while a program stays the same.
final class StepState {
  /// Caller's images, `[count, C, H, W]`, and targets; set for the duration of a step.
  var images: UnsafePointer<Float>?
  var targets: Targets?
  var predictions: UnsafeMutablePointer<Int32>?
  /// Key of this step's dropout masks.
  var dropoutKey: UInt64 = 0
  /// Whether the step evaluates its loss again: what is counted once a step stays as it is.
  var isRepeated = false
  /// Set by operations that meet values which are not finite and may hide them from the loss.
  var diverged = false
  var lossSum = 0.0
  var correct = 0
}

/// What an operation does at each step.
protocol Kernel: AnyObject {
  /// Called once the tensors have addresses, and again when the arena has moved.
  func bind() throws
  func run() throws
}

/// The operations that layers record, planned once and run at every step without allocating (oneDNN itself builds
/// a small argument table for each of its primitives).
final class Program {
  struct Operation {
    let name: String
    let kernel: any Kernel
    let tensors: [Tensor]
    /// Floating-point operations of the products in it, a multiplication and an addition being two.
    let products: Double
  }

  let mode: Mode
  let count: Int
  let step: StepState
  let parameters: ParameterStore
  let device: any Device
  private let arena: Arena
  private var boundGeneration = -1
  private(set) var operations: [Operation] = []
  private var pinned: [Tensor] = []
  /// How to record a tensor again, where that is possible.
  private var recipes: [ObjectIdentifier: (Program) throws -> Tensor] = [:]
  /// Bytes of the arena that this program uses, known once it is planned.
  private(set) var plannedBytes = 0
  /// The layers recorded so far.
  private(set) var layers: [LayerDescription] = []
  private var dropoutLayers: UInt64 = 0

  init(
    mode: Mode, count: Int, step: StepState, parameters: ParameterStore, device: any Device, arena: Arena
  ) {
    self.mode = mode
    self.count = count
    self.step = step
    self.parameters = parameters
    self.device = device
    self.arena = arena
  }

  /// A tensor in the arena that lives from the first operation that names it to the last.
  func tensor(_ shape: [Int], _ layout: any TensorLayout) -> Tensor {
    Tensor(shape: shape, layout: layout, storage: .planned(arena, offset: 0))
  }

  /// Appends an operation; `tensors` are all that it reads or writes.
  func emit(_ name: String, _ tensors: [Tensor], _ kernel: any Kernel, products: Double = 0) {
    operations.append(Operation(name: name, kernel: kernel, tensors: tensors, products: products))
  }

  /// Appends an operation that changes a tensor in place. Its old contents cannot be made again from here on.
  func emit(_ name: String, changing tensor: Tensor, with others: [Tensor] = [], _ kernel: any Kernel) {
    recipes[ObjectIdentifier(tensor)] = nil
    emit(name, [tensor] + others, kernel)
  }

  /// Lets layers behind use `tensor` in their backward passes without its being kept until then. `recipe` records how
  /// to make it again, with the same bits and in the same layout, from what the layer's own backward pass needs anyway;
  /// it is called once at most, before that backward pass.
  func remember(_ tensor: Tensor, _ recipe: @escaping (Program) throws -> Tensor) {
    recipes[ObjectIdentifier(tensor)] = recipe
  }

  /// For backward passes: the tensor, or another with its contents where it need not be kept.
  func again(_ tensor: Tensor) throws -> Tensor {
    guard let recipe = recipes[ObjectIdentifier(tensor)] else { return tensor }
    let made = try recipe(self)
    recipes[ObjectIdentifier(tensor)] = { _ in made }
    return made
  }

  /// Keeps a tensor's contents until the next step, for the caller to read.
  func keep(_ tensor: Tensor) { pinned.append(tensor) }

  /// Notes a layer. `multiplyAdds` are those of the whole batch.
  func describe(
    _ name: String, _ kind: String, _ output: Tensor, _ own: [ParameterReference] = [], multiplyAdds: Int = 0
  ) {
    layers.append(
      LayerDescription(
        name: name, kind: kind, outputShape: Array(output.shape.dropFirst()),
        parameterCount: own.reduce(0) { $0 + parameters.count($1) }, multiplyAdds: multiplyAdds / count))
  }

  /// A number of its own for each dropout layer of the network, the same in every program of it.
  func nextDropoutLayer() -> UInt64 {
    dropoutLayers += 1
    return dropoutLayers
  }

  /// Assigns addresses; nothing can be recorded after it.
  ///
  /// - Parameter reservingMemory: false plans without memory, for a program that is never run.
  func plan(reservingMemory: Bool = true) throws {
    var lifetimes: [Lifetime] = []
    var planned: [Tensor] = []
    var positions: [ObjectIdentifier: Int] = [:]
    for (time, operation) in operations.enumerated() {
      for tensor in operation.tensors {
        guard case .planned = tensor.storage else { continue }
        if let position = positions[ObjectIdentifier(tensor)] {
          lifetimes[position].last = time
        } else {
          positions[ObjectIdentifier(tensor)] = planned.count
          planned.append(tensor)
          lifetimes.append(Lifetime(byteCount: tensor.byteCount, first: time, last: time))
        }
      }
    }
    for tensor in pinned {
      if let position = positions[ObjectIdentifier(tensor)] { lifetimes[position].last = operations.count }
    }
    // Recipes hold tensors, and nothing is recorded any more.
    recipes = [:]
    let (offsets, byteCount) = planOffsets(lifetimes)
    for (tensor, offset) in zip(planned, offsets) { tensor.storage = .planned(arena, offset: offset) }
    plannedBytes = byteCount
    if reservingMemory { try arena.reserve(byteCount) }
  }

  /// Runs all operations in order, and adds what each took to `profile` where there is one.
  func run(profile: StepProfile? = nil) throws {
    if boundGeneration != arena.generation {
      for operation in operations { try operation.kernel.bind() }
      boundGeneration = arena.generation
    }
    guard let profile else {
      for operation in operations { try operation.kernel.run() }
      return
    }
    for operation in operations {
      try profile.time(operation.name, products: operation.products) { try operation.kernel.run() }
    }
  }
}
