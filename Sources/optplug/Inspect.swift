// optplug inspect: everything that a plugin says of itself.

import ArgumentParser
import OptimizerHost
import Terminal

struct Inspect: Command {
  static let configuration = CommandConfiguration(
    abstract: "Shows what a plugin holds: versions, symbols, hyperparameters, state.",
    discussion: """
      A path shows all optimizers of the file, a name one. State is planned over a matrix and a vector of 32-bit \
      floats with the settings stated, as in 'sgd(momentum=0.9)'; a wrapper's base is sgd unless stated.

      With --formula: what a step does to an element, all optimizers of the expression joined, such as \
      'lookahead(k=5, adamw)'. p is the parameter's element, g its gradient's, the others are slots; every operation \
      rounds once. Bases must be stated then, and a path with several optimizers needs ':' and the name of one.
      """)

  @Argument(help: ArgumentHelp("A name, a path, or an expression.", valueName: "name|path"))
  var plugin: String

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var retry: RetryOption

  @Flag(help: "Prints one JSON object.")
  var json = false

  @Flag(help: "Prints the update of an element as a list of operations instead.")
  var formula = false

  @Option(help: "With --formula: prints it as text (unless given), c or cuda.")
  var language: FormulaLanguage?

  @Option(help: "With --formula: the parameters' type, float32 unless given.")
  var dtype: FormulaType?

  @Option(help: "With --formula: prints what this step alone does to an element with a gradient.")
  var step: Int?

  func validate() throws {
    guard formula || (language == nil && dtype == nil && step == nil) else {
      throw ValidationError(
        "--language, --dtype and --step say what --formula prints; add --formula, or leave them out")
    }
    if let step, !(1...FormulaText.steps).contains(step) {
      throw ValidationError("--step is \(step); steps 1 to \(FormulaText.steps) can be shown")
    }
  }

  func perform() throws {
    let registry = registry.registry(retries: retry.retry)
    let expression = try OptimizerExpression(parsing: plugin)
    guard !formula else {
      let text = FormulaText(language: language ?? .text, dtype: (dtype ?? .float32).dtype, step: step)
      return try Console.output(text.make(expression, registry, json: json))
    }
    let description = try registry.describe(expression)
    try Console.output(json ? description.json() : InspectText.make(description))
  }
}

/// What people read.
enum InspectText {
  static func make(_ plugin: PluginDescription) -> String {
    ([section("Plugin", file(plugin))] + plugin.optimizers.map(optimizer)).joined(separator: "\n\n")
  }

  private static func section(_ title: String, _ rows: [[String]]) -> String {
    "\(title)\n" + Format.columns(rows.map { ["  " + ($0.first ?? "")] + $0.dropFirst() })
  }

  private static func file(_ plugin: PluginDescription) -> [[String]] {
    [
      ["File", plugin.path], ["SHA-256", plugin.hash],
      ["ABI", "built with 1.\(plugin.abiBuilt), needs 1.\(plugin.abiRequired)"],
      ["Instructions", plugin.instructionSet ?? "not stated: it has no note"],
      ["Needs", list(plugin.needed)], ["Exports", list(plugin.exports)],
    ]
  }

  private static func optimizer(_ optimizer: OptimizerDescription) -> String {
    var parts = [section("Optimizer \(optimizer.summary.name)", facts(optimizer))]
    if !optimizer.hyperparameters.isEmpty {
      parts.append(
        section(
          "  Hyperparameters", optimizer.hyperparameters.map(row).map { ["  " + $0[0]] + $0.dropFirst() }))
    }
    switch optimizer.plan {
    case .success(let plan): parts.append(state(plan))
    case .failure(let error): parts.append("  State cannot be planned\n    \(error)")
    }
    return parts.joined(separator: "\n\n")
  }

  private static func facts(_ optimizer: OptimizerDescription) -> [[String]] {
    var rows = [["Summary", optimizer.summary.summary], ["Version", optimizer.summary.version]]
    if let url = optimizer.url { rows.append(["URL", url]) }
    rows.append(["Kind", optimizer.bases.isEmpty ? "optimizer" : "wrapper over \(list(optimizer.bases))"])
    rows.append(["Granularity", optimizer.granularity])
    for (i, capability) in optimizer.summary.capabilities.enumerated() {
      rows.append([i == 0 ? "Capabilities" : "", "\(capability.letter)  \(capability.meaning)"])
    }
    rows += [["Extensions", list(optimizer.extensions)], ["State version", "\(optimizer.stateVersion)"]]
    return rows
  }

  private static func row(_ hyperparameter: HyperparameterType) -> [String] {
    [
      hyperparameter.name, hyperparameter.kindName, hyperparameter.rangeText,
      "default \(hyperparameter.format(hyperparameter.defaultValue))",
      hyperparameter.doc + (hyperparameter.isStructural ? " Fixed once planned." : "")
        + (hyperparameter.isZeroStructural ? " Zero or not is fixed once planned." : ""),
    ]
  }

  private static func state(_ plan: SamplePlan) -> String {
    var parts = plan.parameters.map { parameter in
      let shape = parameter.shape.map(String.init).joined(separator: "×")
      let title = "  State of a \(shape) parameter of float32"
      guard parameter.isSeen else { return "\(title)\n    none: it is left to a base" }
      guard !parameter.slots.isEmpty else { return "\(title)\n    none" }
      let count = parameter.shape.reduce(1, *)
      return section(title, parameter.slots.map { ["  " + $0.name] + row($0, elements: count) })
    }
    if !plan.modelSlots.isEmpty {
      parts.append(
        section("  State of the model", plan.modelSlots.map { ["  " + $0.name] + row($0, elements: nil) }))
    }
    var work = ["    \(plan.phases == 1 ? "one sweep" : "\(plan.phases) sweeps") over the parameters"]
    if !plan.reductions.isEmpty { work.append("    reductions: \(list(plan.reductions))") }
    if plan.scratch > 0 || plan.scratchPerElement > 0 {
      work.append(
        "    working memory of a call: \(plan.scratch) bytes and \(plan.scratchPerElement) per element")
    }
    parts.append("  Work of a step\n" + work.joined(separator: "\n"))
    parts.append("  Planned as\n    \(plan.expression)")
    return parts.joined(separator: "\n\n")
  }

  private static func row(_ slot: PlannedSlot, elements: Int?) -> [String] {
    let shape = slot.shape.isEmpty ? "one number" : slot.shape.map(String.init).joined(separator: "×")
    var bytes = "\(Format.count(slot.bytes)) bytes"
    if let elements, elements > 0 {
      bytes += ", \(Format.shortDecimal(Double(slot.bytes) / Double(elements))) per element"
    }
    return [
      slot.role, "\(slot.dtype)", slot.extent == "element" ? "as the parameter" : "\(shape) (\(slot.extent))",
      bytes,
    ]
  }

  private static func list(_ words: [String]) -> String {
    words.isEmpty ? "none" : words.joined(separator: ", ")
  }
}

extension HyperparameterType {
  /// The values that it takes, in words.
  var rangeText: String {
    switch kind {
    case .float, .integer: range
    case .boolean: "true or false"
    case .choice(let words): words.joined(separator: ", ")
    }
  }
}
