// What an optimizer can do, in letters and words: the one table for lists and descriptions.

import COptPlug

/// A capability that a list shows as a letter.
public struct Capability: Sendable {
  public let letter: Character
  /// As JSON has it: "gradient-scale".
  public let name: String
  /// Completes "it …".
  public let meaning: String
  private let holds: @Sendable (OptimizerType) -> Bool

  private static func bit(_ letter: Character, _ name: String, _ meaning: String, _ bit: UInt64) -> Capability
  {
    Capability(letter: letter, name: name, meaning: meaning) { $0.has(bit) }
  }

  private static func `extension`(_ letter: Character, _ name: String, _ meaning: String, _ id: String)
    -> Capability
  {
    Capability(letter: letter, name: name, meaning: meaning) { $0.offers(id) }
  }

  /// All that are known, in the order in which lists show them.
  public static let all: [Capability] = [
    bit("f", "float32", "takes 32-bit floats", OPTPLUG_CAPABILITY_FLOAT32),
    bit("d", "float64", "takes 64-bit floats", OPTPLUG_CAPABILITY_FLOAT64),
    Capability(letter: "w", name: "wrapper", meaning: "wraps other optimizers") { !$0.baseRoles.isEmpty },
    Capability(letter: "r", name: "route", meaning: "may send parameters to one of its bases") {
      $0.descriptor.pointee.route != nil
    },
    bit("s", "gradient-scale", "scales gradients itself", OPTPLUG_CAPABILITY_GRADIENT_SCALE),
    bit("j", "joined-parameters", "takes small parameters together", OPTPLUG_CAPABILITY_JOINED_PARAMETERS),
    bit("n", "null-gradient", "sees parameters without a gradient", OPTPLUG_CAPABILITY_NULL_GRADIENT),
    bit("g", "changed-gradient", "gives its bases another gradient", OPTPLUG_CAPABILITY_CHANGED_GRADIENT),
    bit("l", "reevaluate", "may ask for the loss again within a step", OPTPLUG_CAPABILITY_REEVALUATE),
    bit("p", "every-phase", "sees every phase of its bases", OPTPLUG_CAPABILITY_EVERY_PHASE),
    `extension`("e", "eval-view", "has weights for evaluation", OPTPLUG_EXTENSION_EVAL_VIEW),
    `extension`("b", "restart-bases", "may restart its bases", OPTPLUG_EXTENSION_RESTART_BASES),
    `extension`("u", "formula", "hands out its update as data", OPTPLUG_EXTENSION_FORMULA),
  ]

  /// Those that an optimizer has.
  static func letters(of type: OptimizerType) -> String {
    String(all.filter { $0.holds(type) }.map(\.letter))
  }
}

/// What a list says of an optimizer.
public struct OptimizerSummary: Sendable, Codable, Equatable {
  public let name: String
  public let version: String
  public let summary: String
  /// Letters of `Capability.all`.
  public let letters: String

  init(_ type: OptimizerType) {
    name = type.name
    version = type.version
    summary = type.summary
    letters = Capability.letters(of: type)
  }

  /// What the letters stand for.
  public var capabilities: [Capability] { Capability.all.filter { letters.contains($0.letter) } }
}
