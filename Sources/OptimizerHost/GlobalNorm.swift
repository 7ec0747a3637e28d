// The norm of all gradients together, as clipping needs it.

/// The Euclidean norm of all elements of all gradients.
///
/// Summed in double over blocks of 4,096 elements in order, so that the result depends on nothing but the values.
/// Infinite or not a number if any element is.
public func globalNorm(of gradients: [UnsafeBufferPointer<Float>]) -> Double {
  var total = 0.0
  for gradient in gradients {
    var start = 0
    while start < gradient.count {
      let end = min(start + 4096, gradient.count)
      total += sumOfSquares(UnsafeBufferPointer(rebasing: gradient[start..<end]))
      start = end
    }
  }
  return total.squareRoot()
}

/// Eight running sums, so that the additions do not wait for one another.
private func sumOfSquares(_ block: UnsafeBufferPointer<Float>) -> Double {
  var sums = SIMD8<Double>()
  var i = 0
  while i + 8 <= block.count {
    var lanes = SIMD8<Float>()
    for lane in 0..<8 { lanes[lane] = block[i + lane] }
    let values = SIMD8<Double>(lanes)
    sums += values * values
    i += 8
  }
  var total = sums.sum()
  while i < block.count {
    total += Double(block[i]) * Double(block[i])
    i += 1
  }
  return total
}
