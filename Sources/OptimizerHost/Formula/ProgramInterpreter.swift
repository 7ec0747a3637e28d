// Carries out a program without compiling it: slow, and the standard that the compiled ones are held to.

extension FusedProgram {
  /// Carries out the program on consecutive elements.
  /// - Parameters:
  ///   - streams: the memory of each of `streams`, in order.
  ///   - constants: of a `Fusion.Launch`.
  ///   - type: of the elements.
  func interpret<T: BinaryFloatingPoint>(
    _ streams: [UnsafeMutableRawPointer], count: Int, constants: [Double], as type: T.Type
  ) {
    let places = Dictionary(uniqueKeysWithValues: zip(self.streams, streams))
    let memory = places.mapValues { $0.assumingMemoryBound(to: T.self) }
    let constants = constants.map { T($0) }
    var numbers = Array(repeating: T.zero, count: operations.count)
    var truths = Array(repeating: false, count: operations.count)
    for element in 0..<count {
      for (place, operation) in operations.enumerated() {
        switch operation {
        case .load(let stream): numbers[place] = memory[stream]?[element] ?? .nan
        case .constant(let number): numbers[place] = constants[number]
        case .unary(let operation, let a): numbers[place] = operation.callAsFunction(numbers[a])
        case .binary(let operation, let a, let b):
          numbers[place] = operation.callAsFunction(numbers[a], numbers[b])
        case .fma(let a, let b, let c): numbers[place] = numbers[c].addingProduct(numbers[a], numbers[b])
        case .compare(let operation, let a, let b):
          truths[place] = operation.callAsFunction(numbers[a], numbers[b])
        case .select(let mask, let a, let b): numbers[place] = truths[mask] ? numbers[a] : numbers[b]
        }
      }
      for (stream, place) in results { memory[stream]?[element] = numbers[place] }
    }
  }
}

extension Operation.Unary {
  fileprivate func callAsFunction<T: BinaryFloatingPoint>(_ a: T) -> T {
    switch self {
    case .squareRoot: a.squareRoot()
    case .magnitude: a.magnitude
    case .negate: -a
    case .sign: 0 < a ? 1 : (a < 0 ? -1 : 0)
    }
  }
}

extension Operation.Binary {
  fileprivate func callAsFunction<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> T {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimum: a < b ? a : b
    case .maximum: b < a ? a : b
    }
  }
}

extension Operation.Comparison {
  fileprivate func callAsFunction<T: BinaryFloatingPoint>(_ a: T, _ b: T) -> Bool {
    switch self {
    case .less: a < b
    case .lessEqual: a <= b
    case .equal: a == b
    }
  }
}
