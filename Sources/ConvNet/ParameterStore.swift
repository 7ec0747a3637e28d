// The parameters and buffers of a network: declared by layers, laid out in slabs, named as PyTorch names them.

/// What a parameter is for; optimizers commonly spare biases and norms from weight decay.
public enum ParameterKind: String, Sendable {
  case weight
  case bias
  /// Scale or shift of a normalisation, or a layer scale.
  case norm
}

/// One trainable tensor and its gradient. The memory lives as long as the network or this value.
public struct NetworkParameter {
  /// PyTorch's name, such as `layer1.0.conv1.weight`.
  public let name: String
  /// `[out, in, height, width]` for convolutions, `[out, in]` for dense layers, `[channels]` otherwise.
  public let shape: [Int]
  public let kind: ParameterKind
  /// Row-major values, 64-byte aligned.
  public let values: UnsafeMutableBufferPointer<Float>
  /// Derivative of the mean loss of the last `trainStep`, in the same order, 64-byte aligned.
  public let gradient: UnsafeMutableBufferPointer<Float>
  let memory: [AlignedMemory]
}

/// One tensor that training updates without a gradient: running statistics of a batch normalisation. The memory
/// lives as long as the network or this value.
public struct NetworkBuffer {
  /// PyTorch's name, such as `bn1.running_mean`.
  public let name: String
  public let shape: [Int]
  public let values: UnsafeMutableBufferPointer<Float>
  let memory: AlignedMemory
}

/// A declared parameter or buffer; layers hold it and programs turn it into tensors.
struct ParameterReference {
  fileprivate let index: Int
}

/// Collects declarations while layers are made, then owns the memory.
final class ParameterStore {
  private struct Declaration {
    let name: String
    let shape: [Int]
    let kind: ParameterKind?  // nil: a buffer
    let initialization: Initialization
    var offset = 0
    var count: Int { shape.reduce(1, *) }
  }

  private var declarations: [Declaration] = []
  private var values: AlignedMemory
  private var gradients: AlignedMemory

  init() throws {
    values = try AlignedMemory(byteCount: 0, purpose: "parameters")
    gradients = try AlignedMemory(byteCount: 0, purpose: "gradients")
  }

  func parameter(
    _ name: String, _ shape: [Int], _ kind: ParameterKind, _ initialization: Initialization
  ) -> ParameterReference {
    declare(Declaration(name: name, shape: shape, kind: kind, initialization: initialization))
  }

  func buffer(_ name: String, _ shape: [Int], _ value: Float) -> ParameterReference {
    declare(Declaration(name: name, shape: shape, kind: nil, initialization: .constant(value)))
  }

  private func declare(_ declaration: Declaration) -> ParameterReference {
    declarations.append(declaration)
    return ParameterReference(index: declarations.count - 1)
  }

  /// Allocates one slab for values (parameters first, then buffers) and one for gradients; fills the values.
  /// - Parameter drawsWeights: false leaves 0 where random numbers would be.
  func allocate(seed: UInt64, drawsWeights: Bool = true, on team: Threads = Threads(count: 1)) throws {
    var offset = 0
    func place(_ matches: (Declaration) -> Bool) {
      for index in declarations.indices where matches(declarations[index]) {
        declarations[index].offset = offset
        offset += AlignedMemory.roundUp(declarations[index].count * MemoryLayout<Float>.stride)
      }
    }
    place { $0.kind != nil }
    let gradientBytes = offset
    place { $0.kind == nil }
    values = try AlignedMemory(byteCount: offset, purpose: "parameters")
    gradients = try AlignedMemory(byteCount: gradientBytes, purpose: "gradients")
    for (index, declaration) in declarations.enumerated()
    where drawsWeights || !declaration.initialization.isRandom {
      declaration.initialization.fill(floats(declaration, in: values), seed: seed, stream: index, on: team)
    }
  }

  private func floats(
    _ declaration: Declaration, in memory: AlignedMemory
  ) -> UnsafeMutableBufferPointer<Float> {
    let start = (memory.base + declaration.offset).bindMemory(to: Float.self, capacity: declaration.count)
    return UnsafeMutableBufferPointer(start: start, count: declaration.count)
  }

  var parameters: [NetworkParameter] {
    declarations.compactMap { declaration in
      declaration.kind.map {
        NetworkParameter(
          name: declaration.name, shape: declaration.shape, kind: $0,
          values: floats(declaration, in: values), gradient: floats(declaration, in: gradients),
          memory: [values, gradients])
      }
    }
  }

  var buffers: [NetworkBuffer] {
    declarations.filter { $0.kind == nil }.map {
      NetworkBuffer(name: $0.name, shape: $0.shape, values: floats($0, in: values), memory: values)
    }
  }

  /// Elements of all parameters together.
  var parameterCount: Int { declarations.reduce(0) { $0 + ($1.kind == nil ? 0 : $1.count) } }

  /// Elements of a parameter or buffer.
  func count(_ reference: ParameterReference) -> Int { declarations[reference.index].count }

  /// The values of a parameter or buffer as a tensor in plain (row-major) order, of its own shape or one with as many
  /// elements.
  func values(
    _ reference: ParameterReference, as shape: [Int]? = nil, on device: any Device
  ) throws -> Tensor {
    try tensor(reference, as: shape, in: values, on: device)
  }

  /// The gradient of a parameter, likewise.
  func gradient(
    _ reference: ParameterReference, as shape: [Int]? = nil, on device: any Device
  ) throws -> Tensor {
    try tensor(reference, as: shape, in: gradients, on: device)
  }

  private func tensor(
    _ reference: ParameterReference, as shape: [Int]?, in memory: AlignedMemory, on device: any Device
  ) throws -> Tensor {
    let declaration = declarations[reference.index]
    let shape = shape ?? declaration.shape
    precondition(shape.reduce(1, *) == declaration.count, "\(declaration.name) has other elements")
    return Tensor(
      shape: shape, layout: try device.plainLayout(shape),
      storage: .fixed(memory.base + declaration.offset))
  }
}
