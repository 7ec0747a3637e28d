// What an optimizer asks for, planned over a sample of parameters.

import COptPlug

/// The state and the working memory of one node over sample parameters.
public struct SamplePlan: Sendable {
  /// The expression that was planned, with every value in force.
  public let expression: String
  public let parameters: [PlannedParameter]
  /// Slots of the whole model.
  public let modelSlots: [PlannedSlot]
  /// Sweeps over the parameters in a pass.
  public let phases: Int
  /// How each number that the host collects is reduced: "sum" or "max".
  public let reductions: [String]
  /// Bytes of working memory for a call, and for each element of it.
  public let scratch, scratchPerElement: Int

  /// A matrix and a vector of 32-bit floats: some optimizers treat the two differently.
  static let sample: [(name: String, shape: [Int])] = [("weight", [512, 256]), ("bias", [512])]

  /// Plans a node of `type`, with the settings and bases of `expression`.
  static func make(
    _ type: OptimizerType, _ expression: OptimizerExpression, _ registry: PluginRegistry
  ) -> Result<SamplePlan, OptimizerError> {
    do throws(OptimizerError) {
      return .success(try plan(type, expression, registry))
    } catch {
      return .failure(error)
    }
  }

  private static func plan(
    _ type: OptimizerType, _ expression: OptimizerExpression, _ registry: PluginRegistry
  ) throws(OptimizerError) -> SamplePlan {
    let sgd = OptimizerExpression(
      target: "sgd", isPath: false, member: nil, settings: [], bases: [], position: 0, text: expression.text)
    let missing = max(0, type.baseRoles.count - expression.bases.count)
    // The type has been found already, so it is named by its file.
    let whole = OptimizerExpression(
      target: type.path, isPath: true, member: type.name, settings: expression.settings,
      bases: expression.bases + Array(repeating: sgd, count: missing), position: expression.position,
      text: expression.text)
    let memory = sample.compactMap { AlignedMemory(byteCount: $0.shape.reduce(1, *) * DType.float32.size) }
    guard memory.count == sample.count else { throw .parameters("no memory for a sample of parameters") }
    let parameters = zip(sample, memory).map { sample, memory in
      Parameter(name: sample.name, shape: sample.shape, values: memory.base)
    }
    let optimizer: Optimizer
    do {
      optimizer = try Optimizer(whole, registry: registry, parameters: parameters)
    } catch let error as OptimizerError {
      throw error
    } catch {
      throw .call(type.name, function: "plan", problem: "\(error)")
    }
    return withExtendedLifetime(memory) { SamplePlan(optimizer.tree.root, parameters, optimizer.expression) }
  }

  private init(_ node: Node, _ parameters: [Parameter], _ expression: String) {
    self.expression = expression
    self.parameters = parameters.enumerated().map { place, parameter in
      PlannedParameter(
        name: parameter.name, shape: parameter.shape, isSeen: node.view.contains(place),
        slots: node.ownSlots[place].map(PlannedSlot.init))
    }
    modelSlots = node.plan.modelSlots.map(PlannedSlot.init)
    phases = node.plan.phases
    reductions = node.plan.reductions.map { "\($0)" }
    (scratch, scratchPerElement) = (node.plan.scratch, node.plan.scratchPerElement)
  }
}

/// A sample parameter, of 32-bit floats, and the slots that an optimizer asks for.
public struct PlannedParameter: Sendable {
  public let name: String
  public let shape: [Int]
  /// Whether the optimizer sees the parameter; a wrapper may leave it to a base.
  public let isSeen: Bool
  public let slots: [PlannedSlot]
}

/// A slot as asked for.
public struct PlannedSlot: Sendable {
  public let name: String
  /// "first moment", "second moment", "parameter copy" or "other".
  public let role: String
  public let dtype: DType
  public let shape: [Int]
  public let bytes: Int
  /// How its elements belong to the parameter's: "element", "block of 256" or "whole".
  public let extent: String

  init(_ record: SlotRecord) {
    name = record.name
    role =
      switch record.role {
      case OPTPLUG_ROLE_FIRST_MOMENT: "first moment"
      case OPTPLUG_ROLE_SECOND_MOMENT: "second moment"
      case OPTPLUG_ROLE_PARAMETER_COPY: "parameter copy"
      default: "other"
      }
    dtype = record.dtype
    shape = record.shape
    bytes = record.byteCount
    extent =
      switch record.extent {
      case .elements: "element"
      case .blocks(let length): "block of \(length)"
      case .whole: "whole"
      }
  }
}
