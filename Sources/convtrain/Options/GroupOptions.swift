// Which parameters get values of their own.

import ArgumentParser
import ConvNet
import Training

struct GroupOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "No weight decay for parameters of these kinds: bias, norm, or bias,norm.", valueName: "kinds"))
  var noDecay: ParameterKinds?

  @Flag(name: .customLong("no-decay-bias-norm"), help: "The same as --no-decay bias,norm.")
  var noDecayBiasNorm = false

  @Option(
    help: ArgumentHelp(
      "Values for parameters whose names match, such as 'conv1.*:lr=1e-4,weight_decay=0'; may be given several "
        + "times, later ones win.", valueName: "pattern:name=value"))
  var group: [String] = []

  func validate() throws {
    _ = try rules()
  }

  func rules() throws -> [GroupRule] {
    try group.map { text in
      guard let rule = GroupRule(text) else {
        throw ValidationError(
          "--group \(text) is not of the form pattern:name=value,name=value, such as "
            + "--group 'conv1.*:lr=1e-4,weight_decay=0'")
      }
      return rule
    }
  }

  var undecayed: Set<ParameterKind> {
    (noDecay?.kinds ?? []).union(noDecayBiasNorm ? [.bias, .norm] : [])
  }
}

/// `bias`, `norm`, or both with a comma.
struct ParameterKinds: ExpressibleByArgument {
  let kinds: Set<ParameterKind>

  init?(argument: String) {
    let kinds = argument.split(separator: ",", omittingEmptySubsequences: false)
      .map { ParameterKind(rawValue: String($0)) }
    guard kinds.allSatisfy({ $0 == .bias || $0 == .norm }) else { return nil }
    self.kinds = Set(kinds.compactMap(\.self))
  }

  static var allValueStrings: [String] { ["bias", "norm", "bias,norm"] }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
