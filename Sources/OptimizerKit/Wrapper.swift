// What an author of an element-wise wrapper states: an optimizer that lets a base step and then acts on the result.

/// A wrapper over any base optimizer, whose own part depends on each element alone.
///
/// On every step the kit calls the base first. Then, if `init(_:step:)` gives a value, it applies it to every
/// piece, those of parameters without a gradient included.
public protocol WrapperFormula {
  associatedtype S: Scalar

  /// Name, version and source.
  static var about: About { get }
  /// Settings, in the order by which `HyperparameterValues` is read.
  static var hyperparameters: [Hyperparameter] { get }
  /// The wrapper's own slots of a parameter. Only structural values may decide.
  static func slots(_ values: HyperparameterValues) -> [Slot]
  /// Slots of the base that the wrapper sees, or nil for none. Only structural values may decide.
  static func borrowing(_ values: HyperparameterValues) -> Borrowing?
  /// What is wrong with a combination of values that are each in range; nil when nothing is. Provided.
  static func check(_ values: HyperparameterValues) -> StaticString?

  /// The constants of a step, or nil when the wrapper does nothing on it.
  /// - Parameters:
  ///   - values: the settings of the parameter's group.
  ///   - step: the step of the whole optimizer, from 1.
  init?(_ values: HyperparameterValues, step: Int)
  /// Acts on every element of the piece, after the base's update.
  func apply(to piece: Piece<S>)

  /// The slot whose content replaces the weights for evaluation after `step`; nil for the weights themselves.
  static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int?
  /// Whether the base starts afresh after `step`: slots at their initial values, parameter steps at zero.
  static func restartsBase(_ values: HyperparameterValues, step: Int) -> Bool
}

extension WrapperFormula {
  public static func borrowing(_ values: HyperparameterValues) -> Borrowing? { nil }
  public static func check(_ values: HyperparameterValues) -> StaticString? { nil }
  public static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int? { nil }
  public static func restartsBase(_ values: HyperparameterValues, step: Int) -> Bool { false }
}

/// A wish to see the slots of a base that have a role, whatever their names and their number.
public struct Borrowing {
  let role: Slot.Role
  let copies: StaticString?

  /// - Parameters:
  ///   - role: the role of the slots to see.
  ///   - copies: with a name, the wrapper gets a slot of its own beside each borrowed one, starting as zeros: the
  ///     first has this name, the next ones a number behind it.
  public init(_ role: Slot.Role, copies: StaticString? = nil) {
    self.role = role
    self.copies = copies
  }
}

extension Piece {
  /// Slots borrowed from the base, in the base's order.
  @inline(__always) public var borrowedCount: Int { borrowedSlots }

  /// The borrowed slot at `index`, with `ownSlots` being the number of slots in the author's list.
  @inline(__always) public func borrowed(_ index: Int, ownSlots: Int) -> Stream<S> { slot(ownSlots + index) }

  /// The wrapper's own slot beside the borrowed one at `index`.
  @inline(__always) public func copy(_ index: Int, ownSlots: Int) -> Stream<S> {
    slot(ownSlots + borrowedSlots + index)
  }
}
