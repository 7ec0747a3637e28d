// The arithmetic that an update formula may use: every operation rounds once, and nothing branches on a value.

import COptimizerKit

/// A number that update formulas compute with.
///
/// A formula written once over `Scalar` runs as a loop over `Float` and as one over `Double`; over `Recorded` it becomes
/// data, from which hosts make programs for other devices. Each operation rounds once to the type; products and sums are never contracted, so a fused result is asked for by name
/// (`fma`). Choices between values go through `select`: a formula must not branch on an element's value.
public protocol Scalar {
  /// The outcome of comparing two elements.
  associatedtype Mask

  /// `value` rounded to nearest. Meant for constants: compute them in double, round each once.
  init(_ value: Double)

  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Self) -> Self
  static func / (a: Self, b: Self) -> Self
  static prefix func - (a: Self) -> Self

  static func < (a: Self, b: Self) -> Mask

  /// `a * b + c`, rounded once.
  static func fma(_ a: Self, _ b: Self, _ c: Self) -> Self
  /// The correctly rounded square root.
  static func squareRoot(_ a: Self) -> Self
  /// `a` with its sign bit cleared.
  static func magnitude(_ a: Self) -> Self
  /// `a`, exactly: sums over many elements are taken in double.
  static func double(_ a: Self) -> Double
  /// `a` where `mask` holds, else `b`.
  static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self
}

extension Scalar {
  /// The greater of the two; `b` when they are equal or either is not a number.
  @inline(__always) public static func maximum(_ a: Self, _ b: Self) -> Self { select(b < a, a, b) }

  /// The lesser of the two; `b` when they are equal or either is not a number.
  @inline(__always) public static func minimum(_ a: Self, _ b: Self) -> Self { select(a < b, a, b) }

  /// 1, -1, or 0 for zeros and for what is not a number.
  @inline(__always) public static func sign(_ a: Self) -> Self {
    select(Self(0) < a, Self(1), select(a < Self(0), Self(-1), Self(0)))
  }
}

extension Float: Scalar {
  @inline(__always) public static func fma(_ a: Float, _ b: Float, _ c: Float) -> Float {
    c.addingProduct(a, b)
  }
  @inline(__always) public static func squareRoot(_ a: Float) -> Float { optimizer_kit_sqrtf(a) }
  @inline(__always) public static func magnitude(_ a: Float) -> Float { a.magnitude }
  @inline(__always) public static func double(_ a: Float) -> Double { Double(a) }
  @inline(__always) public static func select(_ mask: Bool, _ a: Float, _ b: Float) -> Float { mask ? a : b }
}

extension Double: Scalar {
  @inline(__always) public static func fma(_ a: Double, _ b: Double, _ c: Double) -> Double {
    c.addingProduct(a, b)
  }
  @inline(__always) public static func squareRoot(_ a: Double) -> Double { optimizer_kit_sqrt(a) }
  @inline(__always) public static func magnitude(_ a: Double) -> Double { a.magnitude }
  @inline(__always) public static func double(_ a: Double) -> Double { a }
  @inline(__always) public static func select(_ mask: Bool, _ a: Double, _ b: Double) -> Double {
    mask ? a : b
  }
}

/// x to the power y, in double: for the constants of a step, such as 1 - beta^t.
@inline(__always) public func power(_ x: Double, _ y: Double) -> Double { optimizer_kit_pow(x, y) }
