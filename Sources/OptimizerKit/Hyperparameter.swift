// Hyperparameters as an author states them, and their values as a formula reads them.

import COptPlug

/// One setting of an optimizer: name, default, allowed range and what it means.
public struct Hyperparameter {
  /// When a value may change.
  public enum Change {
    /// Between any two steps.
    case live
    /// Never after planning: the value decides which slots exist.
    case structural
    /// Between any two steps, but not from zero to non-zero or back: that decides which slots exist.
    case zeroStructural
  }

  let name: StaticString
  let doc: StaticString
  let choices: [StaticString]
  let defaultValue: Double
  let range: (min: Double, max: Double)
  let kind: UInt32
  let flags: UInt32

  private init(
    _ name: StaticString, _ doc: StaticString, choices: [StaticString] = [], _ defaultValue: Double,
    min: Double, max: Double, kind: UInt32, _ change: Change, exclusive: UInt32 = 0
  ) {
    self.name = name
    self.doc = doc
    self.choices = choices
    self.defaultValue = defaultValue
    self.range = (min, max)
    self.kind = kind
    flags =
      exclusive
      | (change == .structural ? UInt32(OPTPLUG_HYPERPARAMETER_STRUCTURAL) : 0)
      | (change == .zeroStructural ? UInt32(OPTPLUG_HYPERPARAMETER_ZERO_STRUCTURAL) : 0)
  }

  /// A real number in `min...max`, or `min..<max` when `maxExcluded`.
  public static func float(
    _ name: StaticString, _ defaultValue: Double, min: Double = -.infinity, max: Double = .infinity,
    maxExcluded: Bool = false, _ change: Change = .live, doc: StaticString
  ) -> Hyperparameter {
    Hyperparameter(
      name, doc, defaultValue, min: min, max: max, kind: UInt32(OPTPLUG_HYPERPARAMETER_FLOAT), change,
      exclusive: maxExcluded ? UInt32(OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE) : 0)
  }

  /// A whole number in `min...max`.
  public static func integer(
    _ name: StaticString, _ defaultValue: Int, min: Int, max: Int, _ change: Change = .live, doc: StaticString
  ) -> Hyperparameter {
    Hyperparameter(
      name, doc, Double(defaultValue), min: Double(min), max: Double(max),
      kind: UInt32(OPTPLUG_HYPERPARAMETER_INTEGER), change)
  }

  /// True or false.
  public static func boolean(
    _ name: StaticString, _ defaultValue: Bool, _ change: Change = .live, doc: StaticString
  ) -> Hyperparameter {
    Hyperparameter(
      name, doc, defaultValue ? 1 : 0, min: 0, max: 1, kind: UInt32(OPTPLUG_HYPERPARAMETER_BOOLEAN), change)
  }

  /// One of several words; the value that a formula reads is the word's place, from 0. The first is the default.
  public static func choice(
    _ name: StaticString, _ choices: [StaticString], _ change: Change = .live, doc: StaticString
  ) -> Hyperparameter {
    Hyperparameter(
      name, doc, choices: choices, 0, min: 0, max: Double(choices.count - 1),
      kind: UInt32(OPTPLUG_HYPERPARAMETER_CHOICE), change)
  }
}

/// The values in force for one parameter group, by place in the author's list.
public struct HyperparameterValues {
  let values: UnsafePointer<Double>

  @inline(__always) init(_ values: UnsafePointer<Double>) { self.values = values }

  /// The value of the hyperparameter at `index` in the author's list.
  @inline(__always) public subscript(index: Int) -> Double { values[index] }

  /// The boolean at `index`.
  @inline(__always) public func isSet(_ index: Int) -> Bool { values[index] != 0 }

  /// The whole number or the place of the choice at `index`. The host has checked that it fits.
  @inline(__always) public func integer(_ index: Int) -> Int { Int(values[index]) }
}
