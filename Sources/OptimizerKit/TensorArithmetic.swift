// Sums over the elements of a tensor, in an order that depends on nothing but their number.

/// The sum of the squares of `value` at each place below `count`, in double, as eight running sums.
@inline(__always) public func sumOfSquares<S: Scalar>(_ count: Int, _ value: (Int) -> S) -> Double {
  var sums = SIMD8<Double>()
  var i = 0
  while i + 8 <= count {
    let eight = SIMD8(
      S.double(value(i)), S.double(value(i + 1)), S.double(value(i + 2)), S.double(value(i + 3)),
      S.double(value(i + 4)),
      S.double(value(i + 5)), S.double(value(i + 6)), S.double(value(i + 7)))
    sums = (eight * eight) + sums
    i += 8
  }
  while i < count {
    let one = S.double(value(i))
    sums[i % 8] += one * one
    i += 1
  }
  return (((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7])))
}

extension UnsafeMutablePointer where Pointee == Double {
  /// The sum of `count` elements, from the first to the last.
  public func sum(_ count: Int) -> Double {
    var sum = 0.0
    for i in 0..<count { sum += self[i] }
    return sum
  }
}
