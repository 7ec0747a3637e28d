// The norm of all gradients together, as clipping needs it: one read, on all threads.

/// Sums squares block by block. Blocks depend on shapes alone and their sums are added in the parameters' order, so
/// the result does not depend on threads, on pieces or on where the gradients lie.
final class NormWork: SharedWork {
  /// Elements of a block, which one running sum covers.
  static let blockElements = 4096
  /// Elements that a thread takes at a time.
  private static let pieceElements = 16 * blockElements

  private struct Block {
    let parameter: Int
    /// Bytes from the gradient's start.
    let offset: Int
    let count: Int
    let dtype: DType
  }

  /// How many pieces there are, and elements in all of them.
  let count: Int
  let elements: Int
  private let blocks: [Block]
  /// Per piece, its blocks.
  private let pieces: [Range<Int>]
  /// Per block.
  private let sums: UnsafeMutableBufferPointer<Double>
  private let gradients: UnsafeMutableBufferPointer<UnsafeRawPointer?>

  /// - Parameters:
  ///   - parameters: the trainer's.
  ///   - gradients: per parameter; nil counts as zeros.
  init(_ parameters: [(count: Int, dtype: DType)], gradients: UnsafeMutableBufferPointer<UnsafeRawPointer?>) {
    self.gradients = gradients
    var blocks: [Block] = []
    var pieces: [Range<Int>] = []
    var (start, elements, total) = (0, 0, 0)
    for (i, parameter) in parameters.enumerated() {
      let count = parameter.count
      total += count
      for offset in stride(from: 0, to: count, by: Self.blockElements) {
        let block = min(Self.blockElements, count - offset)
        blocks.append(
          Block(
            parameter: i, offset: offset * parameter.dtype.size, count: block,
            dtype: parameter.dtype))
        elements += block
        if elements >= Self.pieceElements {
          pieces.append(start..<blocks.count)
          (start, elements) = (blocks.count, 0)
        }
      }
    }
    if start < blocks.count { pieces.append(start..<blocks.count) }
    self.blocks = blocks
    self.pieces = pieces
    count = pieces.count
    self.elements = total
    sums = .allocate(capacity: blocks.count)
    sums.initialize(repeating: 0)
  }

  deinit { sums.deallocate() }

  func work(worker: Int, pieces numbers: PieceCounter) {
    while let number = numbers.next(for: worker) {
      for i in pieces[number] {
        let block = blocks[i]
        guard let gradient = gradients[block.parameter] else {
          sums[i] = 0
          continue
        }
        let start = gradient + block.offset
        sums[i] = sumOfSquares(start, block)
      }
    }
  }

  private func sumOfSquares(_ start: UnsafeRawPointer, _ block: Block) -> Double {
    switch block.dtype {
    case .float64: OptimizerHost.sumOfSquares(start.assumingMemoryBound(to: Double.self), block.count)
    case .bfloat16, .float16:
      withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.blockElements) { floats in
        guard let floats = floats.baseAddress else { return 0 }
        block.dtype.widen(start, to: floats, count: block.count)
        return OptimizerHost.sumOfSquares(floats, block.count)
      }
    default: OptimizerHost.sumOfSquares(start.assumingMemoryBound(to: Float.self), block.count)
    }
  }

  /// The sum over all blocks.
  var total: Double { sums.reduce(0, +) }
}

/// 32 running sums, so that the additions do not wait for one another.
private func sumOfSquares(_ block: UnsafePointer<Float>, _ count: Int) -> Double {
  var (a, b, c, d) = (SIMD8<Double>(), SIMD8<Double>(), SIMD8<Double>(), SIMD8<Double>())
  var i = 0
  func eight(_ place: Int) -> SIMD8<Double> {
    SIMD8<Double>(UnsafeRawPointer(block + place).loadUnaligned(as: SIMD8<Float>.self))
  }
  while i + 32 <= count {
    let (w, x, y, z) = (eight(i), eight(i + 8), eight(i + 16), eight(i + 24))
    a.addProduct(w, w)
    b.addProduct(x, x)
    c.addProduct(y, y)
    d.addProduct(z, z)
    i += 32
  }
  var total = ((a + b) + (c + d)).sum()
  while i < count {
    total += Double(block[i]) * Double(block[i])
    i += 1
  }
  return total
}

private func sumOfSquares(_ block: UnsafePointer<Double>, _ count: Int) -> Double {
  var sums = SIMD8<Double>()
  var i = 0
  while i + 8 <= count {
    let values = UnsafeRawPointer(block + i).loadUnaligned(as: SIMD8<Double>.self)
    sums.addProduct(values, values)
    i += 8
  }
  var total = sums.sum()
  while i < count {
    total += block[i] * block[i]
    i += 1
  }
  return total
}
