// What an author of an element-wise optimizer states.

/// An optimizer whose update of an element depends on that element alone.
///
/// Conform a struct that is generic over `Scalar` to one of the protocols below by the number of its slots, and
/// hand both of its instances to `optimizer(_:_:)` in the plugin's entry:
/// ```swift
/// struct Lion<S: Scalar>: OneSlotFormula {
///   static var about: About { About(name: "lion", summary: "Sign of a momentum.", url: "https://arxiv.org/abs/2302.06675") }
///   static var hyperparameters: [Hyperparameter] { [.float("lr", 1e-4, min: 0, doc: "Step size."), …] }
///   static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("exp_avg", .firstMoment)] }
///   init(_ values: HyperparameterValues, step: Int) { … }
///   func update(_ p: inout S, _ g: S, _ m: inout S) { … }
/// }
/// ```
/// The properties of an instance are the constants of one step: compute them in double, round each once.
public protocol Formula {
  associatedtype S: Scalar

  /// Name, version and source.
  static var about: About { get }
  /// Settings, in the order by which `HyperparameterValues` is read.
  static var hyperparameters: [Hyperparameter] { get }
  /// Slots of a parameter in a group with `values`. Only structural values may decide.
  static func slots(_ values: HyperparameterValues) -> [Slot]
  /// What is wrong with a combination of values that are each in range; nil when nothing is. Provided.
  static func check(_ values: HyperparameterValues) -> StaticString?

  /// The constants of a step.
  /// - Parameters:
  ///   - values: the settings of the parameter's group.
  ///   - step: the parameter's own step, 1 on its first with a gradient.
  init(_ values: HyperparameterValues, step: Int)

  /// Updates every element of the piece. Provided; write it to choose between updates with different slots.
  func apply(to piece: Piece<S>)
}

/// A formula without state.
public protocol StatelessFormula: Formula {
  /// Updates one weight `p` by its gradient `g`.
  func update(_ p: inout S, _ g: S)
}

/// A formula with one slot.
public protocol OneSlotFormula: Formula {
  /// Updates one weight `p` by its gradient `g`, and its element of the slot.
  func update(_ p: inout S, _ g: S, _ a: inout S)
}

/// A formula with two slots.
public protocol TwoSlotFormula: Formula {
  /// Updates one weight `p` by its gradient `g`, and its element of each slot.
  func update(_ p: inout S, _ g: S, _ a: inout S, _ b: inout S)
}

/// A formula with three slots.
public protocol ThreeSlotFormula: Formula {
  /// Updates one weight `p` by its gradient `g`, and its element of each slot.
  func update(_ p: inout S, _ g: S, _ a: inout S, _ b: inout S, _ c: inout S)
}

extension Formula {
  public static func check(_ values: HyperparameterValues) -> StaticString? { nil }
}

extension StatelessFormula {
  public static func slots(_ values: HyperparameterValues) -> [Slot] { [] }
  @inline(__always) public func apply(to piece: Piece<S>) { updateWithoutSlots(piece) }
  /// Applies the update without slots.
  @inline(__always) public func updateWithoutSlots(_ piece: Piece<S>) {
    piece.withoutSlots { p, g in update(&p, g) }
  }
}

extension OneSlotFormula {
  @inline(__always) public func apply(to piece: Piece<S>) { updateWithOneSlot(piece) }
  /// Applies the update with slot 0.
  @inline(__always) public func updateWithOneSlot(_ piece: Piece<S>) {
    piece.withOneSlot { p, g, a in update(&p, g, &a) }
  }
}

extension TwoSlotFormula {
  @inline(__always) public func apply(to piece: Piece<S>) { updateWithTwoSlots(piece) }
  /// Applies the update with slots 0 and 1.
  @inline(__always) public func updateWithTwoSlots(_ piece: Piece<S>) {
    piece.withTwoSlots { p, g, a, b in update(&p, g, &a, &b) }
  }
}

extension ThreeSlotFormula {
  @inline(__always) public func apply(to piece: Piece<S>) { updateWithThreeSlots(piece) }
  /// Applies the update with slots 0 to 2.
  @inline(__always) public func updateWithThreeSlots(_ piece: Piece<S>) {
    piece.withThreeSlots { p, g, a, b, c in update(&p, g, &a, &b, &c) }
  }
}

/// Who an optimizer is.
public struct About {
  let name: StaticString
  let version: StaticString
  let summary: StaticString
  let url: StaticString?

  /// - Parameters:
  ///   - name: what users write: `[a-z][a-z0-9_-]*`.
  ///   - version: of the optimizer, not of the ABI.
  ///   - summary: one sentence.
  ///   - url: the paper or the project.
  public init(
    name: StaticString, version: StaticString = "1.0.0", summary: StaticString, url: StaticString? = nil
  ) {
    self.name = name
    self.version = version
    self.summary = summary
    self.url = url
  }
}
