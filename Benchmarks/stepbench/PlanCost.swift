// How long a trainer waits for its optimizer.

import OptimizerHost

/// Milliseconds from nothing to an optimizer that is ready to step.
struct PlanCost: Encodable {
  let totalMs, loadMs, createPlanMs: Double
  let method =
    "In a fresh process: load is the registry and a first optimizer, on one element: search, dlopen, checks; "
    + "create_plan is a second one on ResNet-18's 62 tensors: create, plan, state; total is both."

  static func measure(threads: Int) throws -> PlanCost {
    let single = try TensorMemory([[1]], layout: .arena)
    let memory = try TensorMemory(ResNet18.shapes, layout: .arena)
    let start = now()
    let registry = PluginRegistry.standard()
    let first = try optimizer(registry, single, threads: 1)
    let loaded = now()
    let second = try optimizer(registry, memory, threads: threads)
    let end = now()
    return withExtendedLifetime((first, second)) {
      PlanCost(
        totalMs: milliseconds(end - start), loadMs: milliseconds(loaded - start),
        createPlanMs: milliseconds(end - loaded))
    }
  }

  private static func milliseconds(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e3 }

  private static func optimizer(_ registry: PluginRegistry, _ memory: TensorMemory, threads: Int) throws
    -> Optimizer
  {
    try Optimizer("lookahead(adam)", registry: registry, parameters: memory.parameters, threads: threads)
  }
}

/// The residual network for 32×32 images, as far as an optimizer sees it.
enum ResNet18 {
  /// 62 tensors, 11.2 million elements.
  static let shapes: [[Int]] = {
    func convolution(_ from: Int, _ to: Int, _ size: Int) -> [[Int]] {
      [[to, from, size, size], [to], [to]]
    }
    var shapes = convolution(3, 64, 3)
    var channels = 64
    for width in [64, 128, 256, 512] {
      for block in 0..<2 {
        shapes += convolution(channels, width, 3) + convolution(width, width, 3)
        if block == 0, channels != width { shapes += convolution(channels, width, 1) }
        channels = width
      }
    }
    return shapes + [[10, 512], [10]]
  }()
}
