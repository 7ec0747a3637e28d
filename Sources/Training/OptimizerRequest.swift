// Which optimizer a run asks for, and which of several stated values of a hyperparameter is in force.

import ConvNet
import OptimizerHost

/// An optimizer by its expression, with values stated elsewhere.
///
/// A hyperparameter takes the first of these that is stated:
/// 1. the last of the ``groupRules`` that match the parameter
/// 2. 0 as the `weight_decay` of a parameter of the kinds ``undecayed``
/// 3. ``overrides``
/// 4. ``learningRate`` and ``weightDecay``, for `lr` and `weight_decay`
/// 5. the expression
/// 6. the trainer's defaults, ``defaultLearningRate`` and ``defaultWeightDecay``, where the optimizer has
///    such a hyperparameter
/// 7. the plugin's own default
public struct OptimizerRequest: Sendable {
  /// The trainer's default for `lr`.
  public static let defaultLearningRate = 5e-4
  /// The trainer's default for `weight_decay`.
  public static let defaultWeightDecay = 1e-4

  /// Such as `adam` or `lookahead(k=5, ./my.so(momentum=0.9))`.
  public var expression: String
  /// Name and value as on a command line.
  public var overrides: [(name: String, value: String)]
  /// 0 or more; an error for an optimizer without `lr`.
  public var learningRate: Double?
  /// 0 or more; an error for an optimizer without `weight_decay`.
  public var weightDecay: Double?
  /// Kinds of parameters that get a weight decay of 0; an error for an optimizer without `weight_decay`.
  public var undecayed: Set<ParameterKind>
  /// Values for parameters by their names; one that matches none is an error.
  public var groupRules: [GroupRule]

  public init(
    expression: String = "adam", overrides: [(name: String, value: String)] = [], learningRate: Double? = nil,
    weightDecay: Double? = nil, undecayed: Set<ParameterKind> = [], groupRules: [GroupRule] = []
  ) {
    self.expression = expression
    self.overrides = overrides
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.undecayed = undecayed
    self.groupRules = groupRules
  }

  /// Makes the optimizer for a network's parameters.
  ///
  /// Only an instance can tell which hyperparameters there are, so a first one is made and asked; a second
  /// one follows if something is to be added. A trace follows the one that trains.
  func makeOptimizer(
    for network: Network, groups: ParameterGroups, registry: PluginRegistry, threads: Int, seed: UInt64,
    compiler: ProgramCompiler? = nil, trace: Trace? = nil
  ) throws -> Optimizer {
    func make(
      _ overrides: [(name: String, value: String)], grouped: Bool, trace: Trace? = nil
    ) throws -> Optimizer {
      let parameters = zip(network.parameters, groups.membership).compactMap { parameter, group in
        parameter.values.baseAddress.map { values in
          Parameter(
            name: parameter.name, shape: parameter.shape, values: UnsafeMutableRawPointer(values),
            group: grouped ? group : 0)
        }
      }
      return try Optimizer(
        expression, registry: registry, parameters: parameters,
        groups: grouped ? groups.groups : [ParameterGroup(name: "all")], overrides: overrides,
        threads: threads, seed: seed, compiler: compiler, trace: trace)
    }
    let first = try make(overrides, grouped: false)
    let added = try stated(by: first)
    if added.isEmpty && groups.groups.count == 1 && trace == nil { return first }
    return try make(added + overrides, grouped: true, trace: trace)
  }

  /// Values for `lr` and `weight_decay` from outside expression and overrides.
  private func stated(by optimizer: Optimizer) throws -> [(name: String, value: String)] {
    let inExpression = try OptimizerExpression(parsing: expression).statedNames
    let wishes = [
      ("lr", learningRate, Self.defaultLearningRate), ("weight_decay", weightDecay, Self.defaultWeightDecay),
    ]
    var result: [(name: String, value: String)] = []
    for (name, explicit, standard) in wishes {
      guard optimizer.hasHyperparameter(name) else {
        if explicit != nil || (name == "weight_decay" && !undecayed.isEmpty) {
          throw TrainingError.noHyperparameter(
            name: name, optimizer: optimizer.expression,
            candidates: optimizer.hyperparameters.map(\.path).filter { $0.hasSuffix("." + name) })
        }
        continue
      }
      // An override may name a path into the tree, such as "base.lr".
      guard !overrides.contains(where: { $0.name == name || $0.name.hasSuffix("." + name) }) else { continue }
      if let explicit {
        result.append((name, "\(explicit)"))
      } else if !inExpression.contains(name) {
        result.append((name, "\(standard)"))
      }
    }
    return result
  }
}

extension OptimizerExpression {
  /// Names of hyperparameters that the text gives a value, at any depth.
  fileprivate var statedNames: Set<String> {
    bases.reduce(into: Set(settings.map(\.name))) { $0.formUnion($1.statedNames) }
  }
}
