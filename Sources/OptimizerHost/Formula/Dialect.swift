// How a language writes the operations of a program.

/// A language in which programs are written out, for elements of one type.
struct Dialect {
  /// The type of a number, "float".
  let number: String
  let binary: (_ operation: Operation.Binary, _ a: String, _ b: String) -> String
  let fma: (_ a: String, _ b: String, _ c: String) -> String
  let squareRoot: (_ a: String) -> String
  let magnitude: (_ a: String) -> String

  /// C with contraction off: each operator rounds once.
  static func c(_ dtype: DType) -> Dialect {
    let suffix = dtype == .float64 ? "" : "f"
    return Dialect(
      number: dtype == .float64 ? "double" : "float",
      binary: { operation, a, b in
        switch operation {
        case .add: "\(a) + \(b)"
        case .subtract: "\(a) - \(b)"
        case .multiply: "\(a) * \(b)"
        case .divide: "\(a) / \(b)"
        case .minimum: "\(a) < \(b) ? \(a) : \(b)"
        case .maximum: "\(b) < \(a) ? \(a) : \(b)"
        }
      },
      fma: { "__builtin_fma\(suffix)(\($0), \($1), \($2))" },
      squareRoot: { "__builtin_sqrt\(suffix)(\($0))" },
      magnitude: { "__builtin_fabs\(suffix)(\($0))" })
  }

  /// CUDA C with the intrinsics that round to nearest and are never contracted, whatever the compiler's options.
  static func cuda(_ dtype: DType) -> Dialect {
    let isDouble = dtype == .float64
    func intrinsic(_ name: String) -> String { "__\(isDouble ? "d" : "f")\(name)_rn" }
    return Dialect(
      number: isDouble ? "double" : "float",
      binary: { operation, a, b in
        switch operation {
        case .add: "\(intrinsic("add"))(\(a), \(b))"
        case .subtract: "\(intrinsic("sub"))(\(a), \(b))"
        case .multiply: "\(intrinsic("mul"))(\(a), \(b))"
        case .divide: "\(intrinsic("div"))(\(a), \(b))"
        case .minimum: "\(a) < \(b) ? \(a) : \(b)"
        case .maximum: "\(b) < \(a) ? \(a) : \(b)"
        }
      },
      fma: { "\(isDouble ? "__fma_rn" : "__fmaf_rn")(\($0), \($1), \($2))" },
      squareRoot: { "\(intrinsic("sqrt"))(\($0))" },
      magnitude: { "\(isDouble ? "fabs" : "fabsf")(\($0))" })
  }

  /// What people read in a terminal.
  static var text: Dialect {
    Dialect(
      number: "",
      binary: { operation, a, b in
        switch operation {
        case .add: "\(a) + \(b)"
        case .subtract: "\(a) - \(b)"
        case .multiply: "\(a) * \(b)"
        case .divide: "\(a) / \(b)"
        case .minimum: "min(\(a), \(b))"
        case .maximum: "max(\(a), \(b))"
        }
      },
      fma: { "fma(\($0), \($1), \($2))" }, squareRoot: { "sqrt(\($0))" }, magnitude: { "abs(\($0))" })
  }
}

extension FusedProgram {
  /// A value with a name of its own, and how it is made.
  struct Line {
    let name: String
    let isTruth: Bool
    let expression: String
  }

  /// The operations as lines, in order, and what each stream becomes.
  /// - Parameters:
  ///   - load: how a stream's element is written.
  ///   - constant: how a constant is written.
  func lines(
    _ dialect: Dialect, load: (Stream) -> String, constant: (Int) -> String
  ) -> (values: [Line], results: [(stream: Stream, value: String)]) {
    var names: [String] = []
    var lines: [Line] = []
    for operation in operations {
      let expression: String
      switch operation {
      case .load(let stream):
        names.append(load(stream))
        continue
      case .constant(let number):
        names.append(constant(number))
        continue
      case .unary(.squareRoot, let a): expression = dialect.squareRoot(names[a])
      case .unary(.magnitude, let a): expression = dialect.magnitude(names[a])
      case .unary(.negate, let a): expression = "-\(names[a])"
      case .unary(.sign, let a): expression = "0 < \(names[a]) ? 1 : \(names[a]) < 0 ? -1 : 0"
      case .binary(let operation, let a, let b): expression = dialect.binary(operation, names[a], names[b])
      case .fma(let a, let b, let c): expression = dialect.fma(names[a], names[b], names[c])
      case .compare(let comparison, let a, let b):
        let sign =
          switch comparison {
          case .less: "<"
          case .lessEqual: "<="
          case .equal: "=="
          }
        expression = "\(names[a]) \(sign) \(names[b])"
      case .select(let mask, let a, let b): expression = "\(names[mask]) ? \(names[a]) : \(names[b])"
      }
      let name = "v\(lines.count)"
      lines.append(Line(name: name, isTruth: operation.isTruth, expression: expression))
      names.append(name)
    }
    return (lines, streams.compactMap { stream in results[stream].map { (stream, names[$0]) } })
  }
}
