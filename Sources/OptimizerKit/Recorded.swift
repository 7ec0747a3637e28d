// A number that is not computed but written down: a formula that runs on it becomes data.

import COptPlug

/// A `Scalar` that remembers where it comes from.
///
/// Run on these, an update leaves in its results how they were made: the list of operations that hosts turn into
/// programs for other devices (`OPTPLUG_EXTENSION_FORMULA`). Constants stay in double, for the host to round.
public struct Recorded: Scalar {
  let origin: Origin

  /// An operation and the numbers that it takes.
  final class Origin {
    let code: UInt32
    let a, b, c: Origin?
    /// Of a slot that is read.
    let slot: UInt32
    /// Of a constant.
    let value: Double
    /// The list that was written last with it, and its place there.
    var list: OperationList.Identity?
    var place: UInt32 = 0

    init(
      _ code: UInt32, _ a: Origin? = nil, _ b: Origin? = nil, _ c: Origin? = nil, slot: UInt32 = 0,
      value: Double = 0
    ) {
      self.code = code
      (self.a, self.b, self.c) = (a, b, c)
      self.slot = slot
      self.value = value
    }
  }

  /// The factor of gradients, which `OPTPLUG_OPERATION_GRADIENT` contains already.
  static var gradientScale: Recorded { Recorded(Origin(UInt32.max)) }

  init(_ origin: Origin) { self.origin = origin }

  public init(_ value: Double) { origin = Origin(OPTPLUG_OPERATION_CONSTANT, value: value) }

  private init(_ code: UInt32, _ a: Recorded) { origin = Origin(code, a.origin) }

  private init(_ code: UInt32, _ a: Recorded, _ b: Recorded) { origin = Origin(code, a.origin, b.origin) }

  private init(_ code: UInt32, _ a: Recorded, _ b: Recorded, _ c: Recorded) {
    origin = Origin(code, a.origin, b.origin, c.origin)
  }

  public static func + (a: Recorded, b: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_ADD, a, b) }
  public static func - (a: Recorded, b: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_SUBTRACT, a, b) }
  public static func * (a: Recorded, b: Recorded) -> Recorded {
    b.origin.code == UInt32.max ? a : Recorded(OPTPLUG_OPERATION_MULTIPLY, a, b)
  }
  public static func / (a: Recorded, b: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_DIVIDE, a, b) }
  public static prefix func - (a: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_NEGATE, a) }
  /// A truth, in the same clothes.
  public static func < (a: Recorded, b: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_LESS, a, b) }
  public static func fma(_ a: Recorded, _ b: Recorded, _ c: Recorded) -> Recorded {
    Recorded(OPTPLUG_OPERATION_FMA, a, b, c)
  }
  public static func squareRoot(_ a: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_SQUARE_ROOT, a) }
  public static func magnitude(_ a: Recorded) -> Recorded { Recorded(OPTPLUG_OPERATION_MAGNITUDE, a) }
  public static func select(_ mask: Recorded, _ a: Recorded, _ b: Recorded) -> Recorded {
    Recorded(OPTPLUG_OPERATION_SELECT, mask, a, b)
  }

  /// Sums over elements are no part of a formula: not a number, for which the kit hands out no list.
  public static func double(_ a: Recorded) -> Double { .nan }
}
