// Parameter groups: which parameters of a network get values of their own, by kind and by rules on names.

import ConvNet
import Foundation
import OptimizerHost

/// Values for the parameters whose names match a pattern, such as `conv1.*:lr=1e-4,weight_decay=0`.
public struct GroupRule: Hashable, Sendable {
  /// As of a shell: `*` any characters, dots included; `?` one; `[a-c]` one of these.
  public let pattern: String
  /// Hyperparameters by name or path into the tree, with values as on a command line; a later one wins.
  public let settings: [Setting]

  public struct Setting: Hashable, Sendable {
    public let name, value: String
  }

  /// Reads `pattern:name=value,name=value`; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { return nil }
    var settings: [Setting] = []
    for setting in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
      let words = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      guard words.count == 2, !words[0].isEmpty, !words[1].isEmpty else { return nil }
      settings.append(Setting(name: words[0], value: words[1]))
    }
    pattern = String(parts[0])
    self.settings = settings
  }

  func matches(_ name: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}

/// The parameters of a network in groups: all that the same rules apply to are in one.
struct ParameterGroups {
  /// The first is that of no rule, and may be empty.
  private(set) var groups = [ParameterGroup(name: "all")]
  /// Of each parameter, the place of its group.
  private(set) var membership: [Int] = []
  /// Without the first group.
  private(set) var descriptions: [RunDescription.Group] = []

  /// - Parameters:
  ///   - undecayed: kinds of parameters that get a weight decay of 0; a rule may set another.
  ///   - rules: later ones win.
  /// - Throws: ``TrainingError/noParameter(pattern:suggestion:names:)`` for a rule that matches nothing, and
  ///   `TrainingError.invalidOption` for kinds of which the network has none. One of several is enough: the same kinds
  ///   serve networks with and without normalisations.
  init(
    of parameters: [NetworkParameter], undecayed: Set<ParameterKind>, rules: [GroupRule]
  ) throws(TrainingError) {
    for rule in rules where !parameters.contains(where: { rule.matches($0.name) }) {
      throw Self.noParameter(rule.pattern, among: parameters.map(\.name))
    }
    guard undecayed.isEmpty || parameters.contains(where: { undecayed.contains($0.kind) }) else {
      let kinds = Set(parameters.map(\.kind)).subtracting([.weight]).map(\.rawValue).sorted()
      throw .invalidOption(
        name: "no weight decay for", value: undecayed.map(\.rawValue).sorted().joined(separator: ","),
        range: "what the network has, \(kinds.isEmpty ? "weights only" : kinds.joined(separator: ","))")
    }
    /// What applies to a parameter: whether it is spared from weight decay, and which rules match.
    struct Key: Hashable {
      let kind: ParameterKind?
      let rules: [Int]
    }
    var places: [Key: Int] = [Key(kind: nil, rules: []): 0]
    var members: [[NetworkParameter]] = [[]]
    for parameter in parameters {
      let key = Key(
        kind: undecayed.contains(parameter.kind) ? parameter.kind : nil,
        rules: rules.indices.filter { rules[$0].matches(parameter.name) })
      if places[key] == nil {
        places[key] = groups.count
        var settings = key.rules.flatMap { rules[$0].settings.map { (name: $0.name, value: $0.value) } }
        if key.kind != nil { settings.insert((name: "weight_decay", value: "0"), at: 0) }
        let names = (key.kind.map { [$0.rawValue] } ?? []) + key.rules.map { rules[$0].pattern }
        groups.append(ParameterGroup(name: names.joined(separator: " and "), settings: settings))
        members.append([])
      }
      let place = places[key] ?? 0
      membership.append(place)
      members[place].append(parameter)
    }
    descriptions = zip(groups, members).dropFirst().map { group, members in
      RunDescription.Group(
        name: group.name, tensors: members.count, elements: members.reduce(0) { $0 + $1.values.count },
        settings: group.settings.map { "\($0.name)=\($0.value)" })
    }
  }

  private static func noParameter(_ pattern: String, among names: [String]) -> TrainingError {
    var candidates = names
    for name in names {
      // A misspelt "cnv1.*" was meant to be "conv1.*".
      if let dot = name.lastIndex(of: ".") { candidates.append(name[..<dot] + ".*") }
    }
    return .noParameter(
      pattern: pattern, suggestion: suggestion(for: pattern, among: candidates), names: names)
  }
}
