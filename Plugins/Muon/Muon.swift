// Muon: momentum whose matrices are orthogonalized; all that is not a matrix goes to a base.

import COptPlug
import OptimizerKit

/// Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
/// https://kellerjordan.github.io/posts/muon/; options and order of operations of `torch.optim.Muon`.
///
/// With gradient G and buffer B of an m × n matrix W, at momentum μ:
/// ```
/// B ← μ·B + (1 − μ)·G
/// U ← (1 − μ)·G + μ·B if nesterov, else B
/// X ← U / max(‖U‖, eps)
/// ns_steps times: A ← X·Xᵀ,  X ← a·X + (b·A + c·A²)·X        (Xᵀ·X and from the right where m > n)
/// W ← (1 − lr·weight_decay)·W − lr·ratio·X
/// ```
/// The ratio is √max(1, m/n) (`original`), or 0.2·√max(m, n) (`match_rms_adamw`: Liu et al. 2025, "Muon is scalable
/// for LLM training", https://arxiv.org/abs/2502.16982). Filters of a convolution are the matrix of (out, the rest).
/// torch rounds U and every product of the iteration to bfloat16; here all is computed in the matrix's own type.
///
/// Tensors of one dimension or none go to the base, and so do the matrices of a group with `matrices_to_base`, as
/// embeddings and output layers should.
struct Muon<S: Scalar>: RoutingFormula {
  static var about: About {
    About(
      name: "muon", summary: "Orthogonalized momentum for matrices; a base for everything else.",
      url: "https://kellerjordan.github.io/posts/muon/")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Step size of matrices; the base has its own."),
      .float("weight_decay", 0.1, min: 0, doc: "A step shrinks each weight of a matrix by lr times this."),
      .float(
        "momentum", 0.95, min: 0, max: 1, maxExcluded: true, doc: "Share of the buffer that a step keeps."),
      .boolean("nesterov", true, doc: "Look ahead along the buffer."),
      .integer("ns_steps", 5, min: 0, max: 99, doc: "Iterations of Newton and Schulz that orthogonalize."),
      .float("ns_a", 3.4445, doc: "Coefficient of X in the iteration."),
      .float("ns_b", -4.7750, doc: "Coefficient of X Xᵀ X in the iteration."),
      .float("ns_c", 2.0315, doc: "Coefficient of (X Xᵀ)² X in the iteration."),
      .float("eps", 1e-7, min: 0, doc: "Least norm by which a matrix is divided."),
      .choice(
        "adjust_lr_fn", ["original", "match_rms_adamw"],
        doc: "How the shape scales lr: by √max(1, rows/columns), or by 0.2·√max(rows, columns)."),
      .boolean(
        "matrices_to_base", false, .structural,
        doc: "Leave the group's matrices to the base too, as for embeddings and output layers."),
    ]
  }

  static var services: [Service] { [.matrixProduct, .parallelFor, .log] }
  static var baseRoles: [StaticString] { ["base"] }

  static func route(_ shape: TensorShape, _ values: HyperparameterValues) -> Route {
    shape.dimensions >= 2 && !values.isSet(10) ? .own : .base(0)
  }

  static func slots(_ shape: TensorShape, _ values: HyperparameterValues) -> [Slot] {
    [Slot("momentum_buffer", .firstMoment)]
  }

  static func scratchBytes(_ shape: TensorShape, _ values: HyperparameterValues) -> Int {
    shape.count == 0 ? 0 : Workspace<S>(shape).bytes
  }

  static func planned(_ tensors: Int, _ services: HostServices) {
    if tensors == 0 { services.log(.warning, "muon has no matrix to update: all parameters go to its base") }
  }

  private let minusLR: Double
  private let kept, eps: S
  private let mean, lookahead: RunningMean<S>
  private let isNesterov, matchesAdamW: Bool
  private let iterations: Int
  private let a, b: S
  private let c: Double

  init(_ values: HyperparameterValues, step: Int) {
    minusLR = -values[0]
    kept = S(1 - values[0] * values[1])
    mean = RunningMean(gain: 1 - values[2])
    lookahead = RunningMean(gain: values[2])
    isNesterov = values.isSet(3)
    iterations = values.integer(4)
    a = S(values[5])
    b = S(values[6])
    c = values[7]
    eps = S(values[8])
    matchesAdamW = values.integer(9) == 1
  }

  private enum Stage: Int { case momentum, divide, polynomial, move }

  func update(_ tensor: WholeTensor<S>) throws(TensorFailure) {
    let space = Workspace<S>(tensor.shape)
    let arrays = space.take(tensor.scratch)
    share(.momentum, space.stripes, tensor)
    let norm = arrays.sums.sum(space.stripes).squareRoot()
    arrays.constant.pointee = S.maximum(eps, S(norm))
    share(.divide, space.stripes, tensor)
    for iteration in 0..<iterations {
      let (x, y) = arrays.xAndY(iteration)
      let (matrix, next) = (space.matrix(x), space.matrix(y))
      let (gram, polynomial) = (space.square(arrays.gram), space.square(arrays.polynomial))
      if space.isTall {
        try tensor.services.multiply(matrix.transposed, matrix, into: gram)
      } else {
        try tensor.services.multiply(matrix, matrix.transposed, into: gram)
      }
      share(.polynomial, space.squareStripes, tensor)
      try tensor.services.multiply(gram, gram, alpha: c, into: polynomial, beta: 1)
      if space.isTall {
        try tensor.services.multiply(matrix, polynomial, into: next)
      } else {
        try tensor.services.multiply(polynomial, matrix, into: next)
      }
    }
    arrays.constant.pointee = S(minusLR * (matchesAdamW ? space.ratioOfAdamW : space.ratio))
    share(.move, space.stripes, tensor)
  }

  private func share(_ stage: Stage, _ parts: Int, _ tensor: WholeTensor<S>) {
    tensor.share(stage.rawValue, parts: parts)
  }

  func work(_ part: Int, of stage: Int, on tensor: WholeTensor<S>) {
    let space = Workspace<S>(tensor.shape)
    let arrays = space.take(tensor.scratch)
    switch Stage(rawValue: stage) {
    case .momentum: advance(tensor, space.stripe(part), arrays.x, &arrays.sums[part])
    case .divide:
      let (x, norm) = (arrays.x, arrays.constant.pointee)
      for i in space.stripe(part) { x[i] = x[i] / norm }
    case .polynomial: combine(space, arrays, part)
    case .move:
      let (p, x, scale) = (tensor.parameter, arrays.xAndY(iterations).x, arrays.constant.pointee)
      for i in space.stripe(part) { p[i] = S.fma(x[i], scale, p[i] * kept) }
    case nil: break
    }
  }

  /// Advances the buffer and leaves in `x` what is to be orthogonalized, in `sum` the sum of its squares.
  private func advance(
    _ tensor: WholeTensor<S>, _ stripe: Range<Int>, _ x: UnsafeMutablePointer<S>, _ sum: inout Double
  ) {
    let buffer: UnsafeMutablePointer<S> = tensor.slot(0)
    for i in stripe {
      let g = tensor.gradient(i)
      mean.advance(&buffer[i], by: g)
      x[i] = isNesterov ? lookahead.advanced(g, by: buffer[i]) : buffer[i]
    }
    sum = sumOfSquares(stripe.count) { x[stripe.lowerBound + $0] }
  }

  /// polynomial ← a·I + b·gram, for a few rows.
  private func combine(_ space: Workspace<S>, _ arrays: Workspace<S>.Arrays, _ part: Int) {
    let (gram, polynomial, side) = (arrays.gram, arrays.polynomial, space.side)
    for row in space.squareRows(part) {
      let start = row * side
      for i in start..<(start + side) { polynomial[i] = b * gram[i] }
      polynomial[start + row] = polynomial[start + row] + a
    }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [wrapper(Muon<Float>.self, Muon<Double>.self)] }
}
