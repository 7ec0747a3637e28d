// A plugin's description as JSON: what `optplug inspect --json` prints.

extension PluginDescription {
  /// One JSON object.
  package func json() throws -> String { try jsonText(DescriptionJSON(self)) }
}

private struct DescriptionJSON: Encodable {
  private let file, sha256: String
  private let abiBuilt, abiRequired: String
  /// Absent without a note.
  private let instructionSet: String?
  private let needed, exports: [String]
  private let optimizers: [Optimizer]

  init(_ plugin: PluginDescription) {
    (file, sha256) = (plugin.path, plugin.hash)
    (abiBuilt, abiRequired) = ("1.\(plugin.abiBuilt)", "1.\(plugin.abiRequired)")
    instructionSet = plugin.instructionSet
    (needed, exports) = (plugin.needed, plugin.exports)
    optimizers = plugin.optimizers.map(Optimizer.init)
  }

  private struct Optimizer: Encodable {
    let name, version, summary: String
    let url: String?
    let granularity: String
    let stateVersion: UInt32
    let capabilities, bases, extensions: [String]
    let hyperparameters: [Hyperparameter]
    let plan: Plan?
    /// Why there is no plan.
    let planProblem: String?

    init(_ optimizer: OptimizerDescription) {
      let summary = optimizer.summary
      (name, version, self.summary) = (summary.name, summary.version, summary.summary)
      url = optimizer.url
      granularity = optimizer.granularity
      stateVersion = optimizer.stateVersion
      capabilities = summary.capabilities.map(\.name)
      (bases, extensions) = (optimizer.bases, optimizer.extensions)
      hyperparameters = optimizer.hyperparameters.map(Hyperparameter.init)
      switch optimizer.plan {
      case .success(let plan): (self.plan, planProblem) = (Plan(plan), nil)
      case .failure(let error): (plan, planProblem) = (nil, "\(error)")
      }
    }
  }

  private struct Hyperparameter: Encodable {
    let name, kind, doc: String
    /// As a user writes it.
    let `default`: String
    /// Absent where there is no bound.
    let minimum, maximum: Double?
    let minimumExcluded, maximumExcluded: Bool
    let choices: [String]?
    let structural, zeroStructural: Bool

    init(_ type: HyperparameterType) {
      (name, kind, doc) = (type.name, type.kindName, type.doc)
      self.default = type.format(type.defaultValue)
      minimum = type.minimum.isFinite ? type.minimum : nil
      maximum = type.maximum.isFinite ? type.maximum : nil
      (minimumExcluded, maximumExcluded) = (type.minimumExcluded, type.maximumExcluded)
      if case .choice(let words) = type.kind { choices = words } else { choices = nil }
      (structural, zeroStructural) = (type.isStructural, type.isZeroStructural)
    }
  }

  private struct Plan: Encodable {
    let expression: String
    let parameters: [Parameter]
    let modelSlots: [Slot]
    let phases: Int
    let reductions: [String]
    let scratchBytes, scratchBytesPerElement: Int

    init(_ plan: SamplePlan) {
      expression = plan.expression
      parameters = plan.parameters.map {
        Parameter(
          name: $0.name, shape: $0.shape, dtype: "float32", seen: $0.isSeen, slots: $0.slots.map(Slot.init))
      }
      modelSlots = plan.modelSlots.map(Slot.init)
      (phases, reductions) = (plan.phases, plan.reductions)
      (scratchBytes, scratchBytesPerElement) = (plan.scratch, plan.scratchPerElement)
    }
  }

  private struct Parameter: Encodable {
    let name: String
    let shape: [Int]
    let dtype: String
    let seen: Bool
    let slots: [Slot]
  }

  private struct Slot: Encodable {
    let name, role, dtype: String
    let shape: [Int]
    let bytes: Int
    let extent: String

    init(_ slot: PlannedSlot) {
      (name, role, dtype) = (slot.name, slot.role, "\(slot.dtype)")
      (shape, bytes, extent) = (slot.shape, slot.bytes, slot.extent)
    }
  }
}

extension HyperparameterType {
  /// What kind of number or word it is.
  package var kindName: String {
    switch kind {
    case .float: "float"
    case .integer: "integer"
    case .boolean: "boolean"
    case .choice: "choice"
    }
  }
}
