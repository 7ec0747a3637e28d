// What an author of an element-wise wrapper states: an optimizer that lets a base step and then acts on the result.

/// A wrapper over any base optimizer, whose own part depends on each element alone.
///
/// On every step the kit calls the base first. Then, if `init(_:step:)` gives a value, it applies it to every
/// piece, those of parameters without a gradient included.
public protocol WrapperFormula: StagedWrapperFormula {
  /// The constants of a step, or nil when the wrapper does nothing on it.
  /// - Parameters:
  ///   - values: the settings of the parameter's group.
  ///   - step: the step of the whole optimizer, from 1.
  init?(_ values: HyperparameterValues, step: Int)
  /// Acts on every element of the piece, after the base's update.
  func apply(to piece: Piece<S>)
}

extension WrapperFormula {
  public static var traits: WrapperTraits { .allParameters }
  public init?(_ values: HyperparameterValues, _ moment: StepMoment) { self.init(values, step: moment.step) }
  @inline(__always) public func after(_ piece: Piece<S>) { apply(to: piece) }
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
