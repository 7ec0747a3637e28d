// Parameters and gradients laid out for the fastest step.

/// Memory for parameters and for their gradients: one slab each, tensors at multiples of 64 bytes, in huge pages where
/// the system has them.
///
/// Tensors of one group and type lie side by side, so that element-wise optimizers update them as one. Optimizers take
/// memory from elsewhere just as well and give the same bits; only many small tensors are slower then.
/// ```swift
/// let arena = try ParameterArena([.init(name: "weight", shape: [10, 512]), .init(name: "bias", shape: [10])])
/// let optimizer = try Optimizer("adam", parameters: arena.parameters)
/// try optimizer.step(gradients: arena.gradients.map { UnsafeRawPointer($0) })
/// ```
/// The memory stays as long as the arena, one of its parameters, or an optimizer over them.
public final class ParameterArena {
  /// A tensor to be laid out.
  public struct Tensor {
    let name: String
    let shape: [Int]
    let dtype: DType
    let group: Int

    /// As in `Parameter`.
    public init(name: String, shape: [Int], dtype: DType = .float32, group: Int = 0) {
      self.name = name
      self.shape = shape
      self.dtype = dtype
      self.group = group
    }
  }

  /// In the order of the tensors; all elements are 0.
  public let parameters: [Parameter]
  /// The first element of each parameter's gradient, of its shape and type; all elements are 0.
  public let gradients: [UnsafeMutableRawPointer]

  /// Both slabs, owned by every parameter.
  private final class Slabs {
    let values, gradients: AlignedMemory

    init(_ values: AlignedMemory, _ gradients: AlignedMemory) {
      self.values = values
      self.gradients = gradients
    }
  }

  /// - Throws: `OptimizerError.parameters` when a shape is impossible or there is not enough memory.
  public init(_ tensors: [Tensor]) throws {
    var offsets = Array(repeating: 0, count: tensors.count)
    var total = 0
    for place in layoutOrder(tensors.map { ($0.dtype, $0.group) }) {
      let tensor = tensors[place]
      guard let bytes = byteCount(tensor.shape, tensor.dtype) else {
        throw OptimizerError.parameters("'\(tensor.name)' has the impossible shape \(tensor.shape)")
      }
      guard bytes < 1 << 56, total < 1 << 56 else { throw Self.tooLarge(total) }
      offsets[place] = total
      total += AlignedMemory.roundUp(bytes)
    }
    guard let values = AlignedMemory(byteCount: total), let gradientMemory = AlignedMemory(byteCount: total)
    else { throw Self.tooLarge(total) }
    let slabs = Slabs(values, gradientMemory)
    parameters = zip(tensors, offsets).map { tensor, offset in
      var parameter = Parameter(
        name: tensor.name, shape: tensor.shape, dtype: tensor.dtype, values: values.base + offset,
        group: tensor.group)
      parameter.owner = slabs
      return parameter
    }
    gradients = offsets.map { gradientMemory.base + $0 }
  }

  private static func tooLarge(_ bytes: Int) -> OptimizerError {
    .parameters("no memory for twice \(bytes >> 20) MiB of parameters and gradients; use a smaller model")
  }
}

/// The order in which tensors are laid out and stepped: those of one type and group side by side.
func layoutOrder(_ tensors: [(dtype: DType, group: Int)]) -> [Int] {
  tensors.indices.sorted {
    (tensors[$0].dtype.rawValue, tensors[$0].group, $0) < (tensors[$1].dtype.rawValue, tensors[$1].group, $1)
  }
}

/// Bytes of a tensor, or nil when no memory could hold that many.
func byteCount(_ shape: [Int], _ dtype: DType) -> Int? {
  shape.reduce(Optional(dtype.size)) { product, size in
    guard let product, size >= 0 else { return nil }
    let (bytes, overflow) = product.multipliedReportingOverflow(by: size)
    return overflow ? nil : bytes
  }
}
