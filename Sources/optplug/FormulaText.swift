// What `optplug inspect --formula` prints.

import ArgumentParser
import OptimizerHost

/// How a program is written out.
enum FormulaLanguage: String, CaseIterable, ExpressibleByArgument {
  case text, c, cuda
}

/// The types of parameters that a program is there for.
enum FormulaType: String, CaseIterable, ExpressibleByArgument {
  case float32, float64, bfloat16, float16

  var dtype: DType {
    switch self {
    case .float32: .float32
    case .float64: .float64
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }
}

struct FormulaText {
  let language: FormulaLanguage
  /// Of the parameters.
  let dtype: DType

  /// Steps that are looked at.
  private static let steps = 1000

  /// All programs of an expression.
  /// - Throws: `OptimizerError`.
  func make(_ expression: OptimizerExpression, _ registry: PluginRegistry, json: Bool) throws -> String {
    let variants = try registry.formulas(expression, dtype: dtype, steps: Self.steps)
    if json { return try FormulasJSON(expression.text, variants, source: source).text() }
    guard !variants.isEmpty else {
      return "\(expression.text) changes nothing in its first \(Self.steps) steps"
    }
    return variants.map { variant in
      let program = variant.launch.program
      let traffic = program.traffic
      let title =
        "\(variant.situation(upTo: Self.steps)): \(program.operationCount) operations, reads \(traffic.reads) and writes "
        + "\(traffic.writes) numbers of an element"
      let body = source(variant)
      return language == .text
        ? "\(title)\n" + body.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        : "/* \(title) */\n\(body)"
    }.joined(separator: "\n\n")
  }

  private func source(_ variant: Fusion.Variant) -> String {
    let (program, launch) = (variant.launch.program, variant.launch)
    return switch language {
    case .text: program.text(constants: launch.constants)
    case .c: program.c(launch.dtype)
    case .cuda: program.cuda(dtype)
    }
  }
}
