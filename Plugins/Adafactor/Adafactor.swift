// Adafactor: the mean of squares of a matrix kept as one row and one column.

import COptPlug
import OptimizerKit

/// Shazeer & Stern 2018, "Adafactor: Adaptive learning rates with sublinear memory cost", Algorithms 4 and 5,
/// https://arxiv.org/abs/1804.04235; options and order of operations of `torch.optim.Adafactor`.
///
/// With gradient G (negated to maximize) of a tensor W of N elements, at the tensor's own step t:
/// ```
/// ρ ← min(lr, 1/√t),   α ← max(eps2, ‖W‖/√N)·ρ,   w ← t^beta2_decay
/// W ← (1 − lr·weight_decay)·W
/// R ← R + w·(mean over columns of G² − R),   C ← C + w·(mean over rows of G² − C)
/// V ← R·C / max(mean of R, eps1)
/// U ← G / √max(V, eps1²)
/// W ← W − α / max(1, ‖U‖/(√N·d)) · U
/// ```
/// A tensor of more than two dimensions is a stack of matrices of the last two, each with a row and a column of its
/// own. One of fewer has a V of its own shape: V ← V + w·(G² − V). As in torch, and unlike the paper, eps1² is the
/// least of V instead of being added to G². Sums are taken in double.
struct Adafactor<S: Scalar>: TensorFormula {
  static var about: About {
    About(
      name: "adafactor", summary: "Steps scaled by a mean of squares that is kept as a row and a column.",
      url: "https://arxiv.org/abs/1804.04235")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-2, min: 0, doc: "Greatest relative step size."),
      .float(
        "beta2_decay", -0.8, max: 0, doc: "The mean of squares takes in t to this power of the new square."),
      .float(
        "eps1", 0, min: 0,
        doc:
          "Least root of the mean of squares; 0: the distance from 1 to the next number of the tensor's type."
      ),
      .float("eps2", 1e-3, min: 0, doc: "Least root mean square of a tensor that a step is relative to."),
      .float("d", 1, min: 1, doc: "Greatest root mean square of an update, before the step size."),
      .float("weight_decay", 0, min: 0, doc: "A step shrinks each weight by lr times this."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static var services: [Service] { [.parallelFor] }

  static func slots(_ shape: TensorShape, _ values: HyperparameterValues) -> [Slot] {
    guard let (row, column) = Layout.factors(of: shape) else {
      return [Slot("exp_avg_sq", .secondMoment)]
    }
    return [
      Slot("exp_avg_sq_row", .secondMoment, type: .asParameter, extent: .sizes(row)),
      Slot("exp_avg_sq_col", .secondMoment, type: .asParameter, extent: .sizes(column)),
    ]
  }

  static func scratchBytes(_ shape: TensorShape, _ values: HyperparameterValues) -> Int {
    shape.count == 0 ? 0 : Workspace<S>.bytes(Layout(shape))
  }

  private let relativeStep, eps2, d: Double
  private let kept, eps1, least: S
  private let mean: RunningMean<S>
  private let maximizes: Bool

  init(_ values: HyperparameterValues, step: Int) {
    let epsilon = values[2] == 0 ? (MemoryLayout<S>.size == 4 ? 0x1p-23 : 0x1p-52) : values[2]
    relativeStep = min(values[0], 1 / Double(step).squareRoot())
    eps1 = S(epsilon)
    least = S(epsilon * epsilon)
    eps2 = values[3]
    d = values[4]
    kept = S(1 - values[0] * values[5])
    mean = RunningMean(gain: power(Double(step), values[1]))
    maximizes = values.isSet(6)
  }

  private enum Stage: Int { case rows, columns, norm, move }

  func update(_ tensor: WholeTensor<S>) {
    let layout = Layout(tensor.shape)
    let space = Workspace<S>(layout, tensor.scratch)
    share(.rows, layout.stripes, tensor)
    let size = Double(tensor.count).squareRoot()
    let weightRMS = space.sums.sum(layout.stripes).squareRoot() / size
    if layout.isFactored { share(.columns, layout.columnParts, tensor) }
    share(.norm, layout.stripes, tensor)
    let updateRMS = space.sums.sum(layout.stripes).squareRoot() / (size * d)
    let step = (eps2 > weightRMS ? eps2 : weightRMS) * relativeStep
    space.constant.pointee = S(-step / (updateRMS > 1 ? updateRMS : 1))
    share(.move, layout.stripes, tensor)
  }

  private func share(_ stage: Stage, _ parts: Int, _ tensor: WholeTensor<S>) {
    tensor.share(stage.rawValue, parts: parts)
  }

  func work(_ part: Int, of stage: Int, on tensor: WholeTensor<S>) {
    let layout = Layout(tensor.shape)
    let space = Workspace<S>(layout, tensor.scratch)
    switch Stage(rawValue: stage) {
    case .rows:
      let (p, stripe) = (tensor.parameter, layout.elements(part))
      space.sums[part] = sumOfSquares(stripe.count) { p[stripe.lowerBound + $0] }
      if layout.isFactored { advanceRows(tensor, layout, part) } else { advance(tensor, stripe) }
    case .columns: advanceColumns(tensor, layout, space, part)
    case .norm:
      space.sums[part] = 0
      forEachRow(tensor, layout, space, part) { start, count, value in
        space.sums[part] += sumOfSquares(count) { value($0) }
      }
    case .move:
      let (p, scale) = (tensor.parameter, space.constant.pointee)
      forEachRow(tensor, layout, space, part) { start, count, value in
        for i in 0..<count { p[start + i] = S.fma(value(i), scale, p[start + i] * kept) }
      }
    case nil: break
    }
  }

  @inline(__always) private func gradient(_ tensor: WholeTensor<S>, _ i: Int) -> S {
    maximizes ? -tensor.gradient(i) : tensor.gradient(i)
  }

  /// Advances V itself.
  private func advance(_ tensor: WholeTensor<S>, _ stripe: Range<Int>) {
    let v: UnsafeMutablePointer<S> = tensor.slot(0)
    for i in stripe {
      let g = tensor.gradient(i)
      mean.advance(&v[i], by: g * g)
    }
  }

  /// Advances the means of some rows.
  private func advanceRows(_ tensor: WholeTensor<S>, _ layout: Layout, _ part: Int) {
    let (means, columns): (UnsafeMutablePointer<S>, Int) = (tensor.slot(0), layout.columns)
    for row in layout.rowRange(part) {
      let sum = sumOfSquares(columns) { tensor.gradient(row * columns + $0) }
      mean.advance(&means[row], by: S(sum / Double(columns)))
    }
  }

  /// Advances the means of some columns, and takes the mean of the rows' means of their matrices.
  private func advanceColumns(_ tensor: WholeTensor<S>, _ layout: Layout, _ space: Workspace<S>, _ part: Int)
  {
    let (rowMeans, columnMeans): (UnsafeMutablePointer<S>, UnsafeMutablePointer<S>) = (
      tensor.slot(0), tensor.slot(1)
    )
    let (rows, columns) = (layout.rows, layout.columns)
    let (matrices, block) = layout.columnRange(part)
    for matrix in matrices {
      let sums = space.columnSums + matrix * columns
      for column in block { sums[column] = 0 }
      for row in 0..<rows {
        let start = (matrix * rows + row) * columns
        for column in block {
          let g = S.double(tensor.gradient(start + column))
          sums[column] = sums[column] + g * g
        }
      }
      let means = columnMeans + matrix * columns
      for column in block { mean.advance(&means[column], by: S(sums[column] / Double(rows))) }
      guard block.lowerBound == 0 else { continue }
      var sum = 0.0
      for row in 0..<rows { sum += S.double(rowMeans[matrix * rows + row]) }
      space.rowMeans[matrix] = S.maximum(eps1, S(sum / Double(rows)))
    }
  }

  /// Calls `body` with the start and the length of each row of a stripe, and with the update by place in the row.
  @inline(__always) private func forEachRow(
    _ tensor: WholeTensor<S>, _ layout: Layout, _ space: Workspace<S>, _ part: Int,
    _ body: (_ start: Int, _ count: Int, _ update: (Int) -> S) -> Void
  ) {
    guard layout.isFactored else {
      let (v, stripe): (UnsafeMutablePointer<S>, _) = (tensor.slot(0), layout.elements(part))
      let start = stripe.lowerBound
      return body(start, stripe.count) { update(tensor, start + $0, v[start + $0]) }
    }
    let (rowMeans, columnMeans): (UnsafeMutablePointer<S>, UnsafeMutablePointer<S>) = (
      tensor.slot(0), tensor.slot(1)
    )
    for row in layout.rowRange(part) {
      let (matrix, start) = (row / layout.rows, row * layout.columns)
      let (rowMean, mean, means) = (
        rowMeans[row], space.rowMeans[matrix], columnMeans + matrix * layout.columns
      )
      body(start, layout.columns) { update(tensor, start + $0, rowMean * means[$0] / mean) }
    }
  }

  @inline(__always) private func update(_ tensor: WholeTensor<S>, _ i: Int, _ v: S) -> S {
    gradient(tensor, i) * (S(1) / S.squareRoot(S.maximum(least, v)))
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(Adafactor<Float>.self, Adafactor<Double>.self)] }
}
