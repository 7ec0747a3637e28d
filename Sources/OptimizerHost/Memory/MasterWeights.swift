// Parameters of 16 bits: trained on 32-bit copies, so that every optimizer for 32-bit floats serves them.

import COptimizerHost

/// The 32-bit masters of all 16-bit parameters. They are what is trained; after each step the parameters are the
/// masters, rounded to nearest even.
final class MasterWeights {
  /// All parameters, with masters in place of those of 16 bits.
  let seen: [Parameter]
  /// Per parameter, the trainer's where it has a master.
  private var originals: [Parameter?]
  private let memory: AlignedMemory

  /// Nil when no parameter needs a master.
  /// - Throws: `OptimizerError.parameters` when there is not enough memory.
  init?(_ parameters: [Parameter]) throws {
    originals = parameters.map { $0.dtype.isHalf ? $0 : nil }
    var offsets: [Int] = []
    var total = 0
    for parameter in parameters {
      offsets.append(total)
      if parameter.dtype.isHalf { total += AlignedMemory.roundUp(parameter.count * 4) }
    }
    guard originals.contains(where: { $0 != nil }) else { return nil }
    guard let memory = AlignedMemory(byteCount: total) else {
      throw OptimizerError.parameters(
        "no memory for \(total >> 20) MiB of 32-bit master weights; use a smaller model")
    }
    self.memory = memory
    seen = zip(parameters, offsets).map { parameter, offset in
      guard parameter.dtype.isHalf else { return parameter }
      return Parameter(
        name: parameter.name, shape: parameter.shape, dtype: .float32, values: memory.base + offset,
        group: parameter.group)
    }
  }

  /// The trainer's parameter at a place where it has a master.
  func original(of parameter: Int) -> Parameter? { originals[parameter] }

  /// Takes note that the trainer's parameter lies elsewhere now.
  /// - Returns: whether it has a master.
  func move(_ place: Int, to values: UnsafeMutableRawPointer) -> Bool {
    guard let original = originals[place] else { return false }
    originals[place] = original.moved(to: values)
    return true
  }

  /// Takes elements of a parameter into its master.
  func load(_ parameter: Int, offset: Int, count: Int) {
    guard let original = originals[parameter] else { return }
    let master = (seen[parameter].values + offset * 4).assumingMemoryBound(to: Float.self)
    original.dtype.widen(original.values + offset * 2, to: master, count: count)
  }

  /// Rounds elements of a master into its parameter.
  func store(_ parameter: Int, offset: Int, count: Int) {
    guard let original = originals[parameter] else { return }
    let master = (seen[parameter].values + offset * 4).assumingMemoryBound(to: Float.self)
    let halves = (original.values + offset * 2).assumingMemoryBound(to: UInt16.self)
    if original.dtype == .bfloat16 {
      optimizer_host_to_bfloat16(master, halves, count)
    } else {
      optimizer_host_to_float16(master, halves, count)
    }
  }
}

extension DType {
  /// A float of 16 bits.
  var isHalf: Bool { self == .bfloat16 || self == .float16 }

  /// The type in which optimizers see a parameter of this type; nil when it cannot be trained.
  var trainingType: DType? {
    switch self {
    case .float32, .float64: self
    case .bfloat16, .float16: .float32
    default: nil
    }
  }

  /// Converts floats of 16 bits, exactly.
  func widen(_ halves: UnsafeRawPointer, to floats: UnsafeMutablePointer<Float>, count: Int) {
    let halves = halves.assumingMemoryBound(to: UInt16.self)
    if self == .bfloat16 {
      optimizer_host_from_bfloat16(halves, floats, count)
    } else {
      optimizer_host_from_float16(halves, floats, count)
    }
  }
}
