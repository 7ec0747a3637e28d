// The operations of which updates are made, as the host works with them.

import COptPlug

/// What an element has several of: its own number, that of its gradient, those of its slots.
public enum Stream: Hashable, Sendable {
  case parameter
  case gradient
  /// By its place: in `segment.slots` of a plugin's list, in `slots` of a program.
  case slot(Int)
}

/// One operation, which makes a value. Operands are places of earlier ones.
///
/// Arithmetic rounds once to the type of the parameter; nothing is ever contracted.
enum Operation: Hashable {
  case load(Stream)
  case constant(Int)
  case unary(Unary, Int)
  case binary(Binary, Int, Int)
  /// a * b + c, rounded once.
  case fma(Int, Int, Int)
  /// Makes a truth.
  case compare(Comparison, Int, Int)
  /// The first of two numbers where a truth holds.
  case select(Int, Int, Int)

  enum Unary: UInt32 {
    case squareRoot = 21
    case magnitude, negate
    case sign = 26
  }

  enum Binary: UInt32 {
    case add = 16
    case subtract, multiply, divide
    case minimum = 24
    case maximum
  }

  enum Comparison: UInt32 {
    case less = 48
    case lessEqual, equal
  }

  var isTruth: Bool { if case .compare = self { true } else { false } }

  var operands: [Int] {
    switch self {
    case .load, .constant: []
    case .unary(_, let a): [a]
    case .binary(_, let a, let b), .compare(_, let a, let b): [a, b]
    case .fma(let a, let b, let c), .select(let a, let b, let c): [a, b, c]
    }
  }

  /// The same operation on other operands.
  func replacingOperands(_ other: (Int) -> Int) -> Operation {
    switch self {
    case .load, .constant: self
    case .unary(let operation, let a): .unary(operation, other(a))
    case .binary(let operation, let a, let b): .binary(operation, other(a), other(b))
    case .compare(let operation, let a, let b): .compare(operation, other(a), other(b))
    case .fma(let a, let b, let c): .fma(other(a), other(b), other(c))
    case .select(let a, let b, let c): .select(other(a), other(b), other(c))
    }
  }
}
