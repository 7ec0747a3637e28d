// The programs that an expression's steps come to, for people and tools to look at.

import COptPlug

extension PluginRegistry {
  /// The programs of an expression's first steps, over a tensor of a type.
  /// - Throws: `OptimizerError`; `formula` when an optimizer of the tree has none.
  public func formulas(
    _ expression: OptimizerExpression, dtype: DType = .float32, steps: Int = 1000
  ) throws -> [Fusion.Variant] {
    let memory = MemoryOfOne()
    let parameter = Parameter(name: "weight", shape: [1], dtype: dtype, values: memory.bytes)
    let optimizer = try Optimizer(expression, registry: self, parameters: [parameter])
    return try withExtendedLifetime(memory) { try Fusion(optimizer).variants(upTo: steps) }
  }
}

private final class MemoryOfOne {
  let bytes = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

  init() { bytes.initializeMemory(as: UInt8.self, repeating: 0, count: 64) }

  deinit { bytes.deallocate() }
}

extension Fusion.Variant {
  /// "steps 1 to 4, 6 to 9, …": when the program is in force, and that elements have no gradient then.
  /// - Parameter last: the last step that was looked at.
  public func situation(upTo last: Int) -> String {
    var ranges: [ClosedRange<Int>] = []
    for step in steps {
      if let range = ranges.last, range.upperBound == step - 1 {
        ranges[ranges.count - 1] = range.lowerBound...step
      } else {
        ranges.append(step...step)
      }
    }
    var words = ranges.prefix(3).map { range in
      switch (range.lowerBound, range.upperBound) {
      case (1, last): "all steps"
      case (let first, last) where first < last: "\(first) and later"
      case (let first, let end): first == end ? "\(first)" : "\(first) to \(end)"
      }
    }
    if ranges.count > 3 { words.append("…") }
    let list = words.joined(separator: ", ")
    return (list == "all steps" ? list : "\(steps.count == 1 ? "step" : "steps") \(list)")
      + (hasGradient ? "" : ", without a gradient")
  }
}

/// Programs as JSON: what `optplug inspect --formula --json` prints.
package struct FormulasJSON: Encodable {
  private let expression: String
  private let programs: [Program]

  package init(_ expression: String, _ variants: [Fusion.Variant], source: (Fusion.Variant) -> String) {
    self.expression = expression
    programs = variants.map { Program($0, source($0)) }
  }

  private struct Program: Encodable {
    let steps: [Int]
    let hasGradient: Bool
    let constants: [Double]
    let slots: [String]
    /// Names of what the program reads or writes, in the order in which it takes them.
    let streams: [String]
    let source: String

    init(_ variant: Fusion.Variant, _ source: String) {
      (steps, hasGradient) = (variant.steps, variant.hasGradient)
      constants = variant.launch.constants
      slots = variant.launch.program.slots.map(\.name)
      streams = variant.launch.program.streamNames(variant.launch.parameterType)
      self.source = source
    }
  }

  package func text() throws -> String { try jsonText(self) }
}
