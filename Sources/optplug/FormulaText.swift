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
  /// The only step to show; nil: all of them.
  let step: Int?

  /// Steps that are looked at.
  static let steps = 1000

  /// The programs of an expression.
  /// - Throws: `OptimizerError`.
  func make(_ expression: OptimizerExpression, _ registry: PluginRegistry, json: Bool) throws -> String {
    var variants = try registry.formulas(expression, dtype: dtype, steps: step ?? Self.steps)
    if let step { variants = variants.filter { $0.hasGradient && $0.steps.last == step } }
    if json { return try FormulasJSON(expression.text, variants, source: source).text() }
    guard !variants.isEmpty else {
      return "\(expression.text) changes nothing in "
        + (step.map { "step \($0)" } ?? "its first \(Self.steps) steps")
    }
    return variants.map(section).joined(separator: "\n\n")
  }

  private func section(_ variant: Fusion.Variant) -> String {
    let program = variant.launch.program
    let traffic = program.traffic
    let when = step.map { "step \($0)" } ?? variant.situation(upTo: Self.steps)
    let title =
      "\(when): \(program.operationCount) operations, reads \(traffic.reads) and writes \(traffic.writes) numbers of an element"
    guard language != .text else {
      let lines = source(variant).split(separator: "\n").map { "  \($0)" }
      return ([title] + lines).joined(separator: "\n")
    }
    let constants = variant.launch.constants.enumerated().map { "c\($0) = \($1)" }.joined(separator: ", ")
    return "/* \(title)\n   constants of the first: \(constants) */\n\(source(variant))"
  }

  private func source(_ variant: Fusion.Variant) -> String {
    let (program, launch) = (variant.launch.program, variant.launch)
    return switch language {
    case .text: program.text(constants: launch.constants)
    case .c: program.c(launch.parameterType)
    case .cuda: program.cuda(launch.parameterType)
    }
  }
}
