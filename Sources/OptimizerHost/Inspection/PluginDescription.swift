// Everything that a plugin says of itself, as values.

import COptPlug

/// A loaded plugin's file and its optimizers.
public struct PluginDescription: Sendable {
  /// Absolute, links resolved.
  public let path: String
  /// SHA-256 of its contents, in 64 hexadecimal digits.
  public let hash: String
  /// The minor versions of ABI 1 that it was built with and that it needs.
  public let abiBuilt, abiRequired: UInt32
  /// The instructions that its note asks for, as "x86-64-v3"; nil without a note.
  public let instructionSet: String?
  /// Libraries that the loader must find; empty where files are not ELF.
  public let needed: [String]
  /// Symbols that it defines for others; empty where files are not ELF.
  public let exports: [String]
  public let optimizers: [OptimizerDescription]
}

/// One optimizer of a plugin.
public struct OptimizerDescription: Sendable {
  public let summary: OptimizerSummary
  /// The paper or the project.
  public let url: String?
  /// How far the host may cut what a call sees: "element", "block of 256", "tensor", "group", "model".
  public let granularity: String
  public let stateVersion: UInt32
  /// Names of the bases that it takes.
  public let bases: [String]
  /// Ids of the known extensions that it offers.
  public let extensions: [String]
  public let hyperparameters: [HyperparameterType]
  /// What it asks for over a sample of parameters, or why it could not be asked.
  public let plan: Result<SamplePlan, OptimizerError>
}

extension PluginRegistry {
  /// Loads what an expression names and describes it. Its settings decide what is planned; bases that it leaves out
  /// are `sgd`.
  /// - Returns: one optimizer for a name or a path with ':', all of the file for a path.
  /// - Throws: `OptimizerError`.
  public func describe(_ expression: OptimizerExpression) throws -> PluginDescription {
    let library: PluginLibrary
    let types: [OptimizerType]
    if expression.isPath, expression.member == nil {
      library = try load(expression.target)
      types = library.optimizers
    } else {
      let type = try find(expression)
      library = try load(type.path)
      types = [type]
    }
    return PluginDescription(
      path: library.file.path, hash: library.file.hash, abiBuilt: library.abi.built,
      abiRequired: library.abi.required,
      instructionSet: library.file.note.map { InstructionSet.name($0.instruction_set) },
      needed: library.file.needed, exports: library.file.exports,
      optimizers: types.map { describe($0, expression) })
  }

  private func describe(_ type: OptimizerType, _ expression: OptimizerExpression) -> OptimizerDescription {
    OptimizerDescription(
      summary: OptimizerSummary(type), url: type.url, granularity: type.granularity.words,
      stateVersion: type.stateVersion, bases: type.baseRoles,
      extensions: [OPTPLUG_EXTENSION_EVAL_VIEW, OPTPLUG_EXTENSION_RESTART_BASES, OPTPLUG_EXTENSION_FORMULA]
        .filter(type.offers),
      hyperparameters: type.hyperparameters, plan: SamplePlan.make(type, expression, self))
  }
}

extension Granularity {
  var words: String {
    switch self {
    case .element: "element"
    case .block(let length): "block of \(length)"
    case .tensor: "tensor"
    case .group: "group"
    case .model: "model"
    }
  }
}
