// Adam with its moments in 8 bits, and a 32-bit scale for each 256 of them.

import COptPlug
import OptimizerKit

/// Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization", https://arxiv.org/abs/2110.02861: Adam with
/// decoupled weight decay, as bitsandbytes' Adam8bit. With gradient g (negated to maximize), at the tensor's own step t:
/// ```
/// m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²
/// p ← (1 − lr · weight_decay) · p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps)
/// ```
/// Between steps, m and v of each block of 256 elements are the greatest magnitude in the block and, for each element,
/// the byte of the nearest of 256 numbers times that magnitude (`DynamicMap`; with a sign for m, without for v). The
/// weights move by m and v before they are rounded so: by at most 0.71 % of the greatest magnitude for m, 0.36 % for v.
/// A v between 0 and the least number, 3.25e-7 of the greatest, becomes that one and not 0, unlike in the paper: where the
/// next gradient is 0, as behind a ReLU, the step would be m/eps, a thousand times too long.
/// Tensors with fewer than `min_8bit_size` elements keep both in the type of the weights.
struct Adam8bit<S: Scalar>: BlockFormula {
  static var about: About {
    About(
      name: "adam8bit", summary: "Adam with moments of 8 bits, scaled in blocks of 256.",
      url: "https://arxiv.org/abs/2110.02861")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Step size."),
      .float("beta1", 0.9, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of gradients."),
      .float("beta2", 0.999, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of squares."),
      .float("eps", 1e-8, min: 0, doc: "Added to the denominator."),
      .float("weight_decay", 0, min: 0, doc: "A step shrinks each weight by lr times this."),
      .integer(
        "min_8bit_size", 4096, min: 0, max: 1 << 40, .structural,
        doc: "Tensors with fewer elements keep moments of full width."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static var blockLength: Int { 256 }
  static var workingArrays: Int { 4 }

  static func slots(_ values: HyperparameterValues, count: Int) -> [Slot] {
    guard isQuantized(values, count: count) else {
      return [Slot("exp_avg", .firstMoment), Slot("exp_avg_sq", .secondMoment)]
    }
    return [
      Slot("exp_avg", .firstMoment, type: .uint8), Slot("exp_avg_sq", .secondMoment, type: .uint8),
      Slot("exp_avg_absmax", .other, type: .float32, extent: .blocks),
      Slot("exp_avg_sq_absmax", .other, type: .float32, extent: .blocks),
    ]
  }

  private static func isQuantized(_ values: HyperparameterValues, count: Int) -> Bool {
    count >= values.integer(5)
  }

  private let beta1, gain1, beta2, gain2, kept, stepSize, rootCorrection2, eps: S
  /// Of the gradient: 1, or -1 to maximize: a choice in the loop would keep it from being vectorised.
  private let sign: S
  private let values: HyperparameterValues
  private let signed, unsigned: DynamicMap

  init(_ values: HyperparameterValues, step: Int) {
    self.values = values
    beta1 = S(values[1])
    gain1 = S(1 - values[1])
    beta2 = S(values[2])
    gain2 = S(1 - values[2])
    kept = S(1 - values[0] * values[4])
    stepSize = S(values[0] / (1 - power(values[1], Double(step))))
    rootCorrection2 = S((1 - power(values[2], Double(step))).squareRoot())
    eps = S(values[3])
    sign = S(values.isSet(6) ? -1 : 1)
    signed = signedMap.unsafelyUnwrapped
    unsigned = unsignedMap.unsafelyUnwrapped
  }

  func update(_ block: Block<S>) {
    guard Self.isQuantized(values, count: block.tensorCount) else {
      return update(block, block.slot(0), block.slot(1))
    }
    let (m, v) = (block.workingArray(0, of: S.self), block.workingArray(1, of: S.self))
    let (bytes, squareBytes) = (block.slot(0, as: UInt8.self), block.slot(1, as: UInt8.self))
    let (scale, squareScale) = (block.number(2, as: Float.self), block.number(3, as: Float.self))
    expand(bytes, scale.pointee, signed, into: m, block.count)
    expand(squareBytes, squareScale.pointee, unsigned, into: v, block.count)
    update(block, m, v)
    scale.pointee = quantize(m, signed, into: bytes, block)
    squareScale.pointee = quantize(v, unsigned, into: squareBytes, block)
  }

  @inline(__always) private func update(
    _ block: Block<S>, _ m: UnsafeMutablePointer<S>, _ v: UnsafeMutablePointer<S>
  ) {
    let (p, count) = (block.parameter, block.count)
    for i in 0..<count {
      let g = block.gradient(i) * sign
      m[i] = S.fma(g, gain1, m[i] * beta1)
      v[i] = S.fma(gain2 * g, g, v[i] * beta2)
      p[i] = p[i] * kept - stepSize * m[i] / (S.squareRoot(v[i]) / rootCorrection2 + eps)
    }
  }

  @inline(__always) private func expand(
    _ bytes: UnsafePointer<UInt8>, _ scale: Float, _ map: DynamicMap, into values: UnsafeMutablePointer<S>,
    _ count: Int
  ) {
    let scale = S(Double(scale))
    for i in 0..<count { values[i] = S(Double(map.values[Int(bytes[i])])) * scale }
  }

  /// Rounds `values` to bytes.
  /// - Returns: their greatest magnitude, by which the bytes' numbers are to be multiplied; not a number when one of
  ///   them is none.
  @inline(__always) private func quantize(
    _ values: UnsafePointer<S>, _ map: DynamicMap, into bytes: UnsafeMutablePointer<UInt8>, _ block: Block<S>
  ) -> Float {
    let (x, guesses) = (block.workingArray(2, of: Float.self), block.workingArray(3, of: UInt32.self))
    let greatest = greatestMagnitude(values, block.count)
    let divisor = greatest == 0 ? S(1) : S(Double(greatest))
    for i in 0..<block.count {
      x[i] = Float(S.double(values[i] / divisor))
      guesses[i] = map.guess(x[i])
    }
    for i in 0..<block.count { bytes[i] = map.byte(x[i], guess: guesses[i]) }
    return greatest
  }

  @inline(__always) private func greatestMagnitude(_ values: UnsafePointer<S>, _ count: Int) -> Float {
    // Eight running results, so that comparisons do not wait for one another. What is not a number stays.
    var lanes = SIMD8<Float>()
    var i = 0
    while i < count {
      var next = lanes
      for lane in 0..<min(8, count - i) { next[lane] = Float(S.double(S.magnitude(values[i + lane]))) }
      lanes = lanes.replacing(with: next, where: .!(next .<= lanes) .& (lanes .== lanes))
      i += 8
    }
    var greatest: Float = 0
    for lane in 0..<8 where !(lanes[lane] <= greatest) && greatest == greatest { greatest = lanes[lane] }
    return greatest
  }
}

// Made by the entry, which the host calls first and on one thread; only read after.
nonisolated(unsafe) private var signedMap: DynamicMap?
nonisolated(unsafe) private var unsignedMap: DynamicMap?

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) {
    (signedMap, unsignedMap) = (DynamicMap(signed: true), DynamicMap(signed: false))
    return [optimizer(Adam8bit<Float>.self, Adam8bit<Double>.self)]
  }
}
