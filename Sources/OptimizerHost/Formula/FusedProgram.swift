// The update of an element by a whole tree, as one list of operations.

/// What all optimizers of a tree do to an element in a step, joined.
///
/// Carrying it out gives the bits that calling one optimizer after the other gives: it holds their operations in their
/// order; those whose values nobody needs are gone, and what is computed twice is computed once.
public struct FusedProgram: Hashable, Sendable {
  /// A slot that a program reads or writes.
  public struct Slot: Hashable, Sendable {
    /// Path and name, "base.exp_avg".
    public let name: String
    /// The optimizer whose slot it is, as a place in `Optimizer.optimizers`, and the place among its own.
    let node, index: Int
  }

  /// In the order of the tree, wrappers first.
  public let slots: [Slot]
  let operations: [Operation]
  /// What becomes of the parameter and of slots, all at once.
  let results: [Stream: Int]
  /// Per constant, its place among all that the optimizers gave; the gradient scale is the first of those.
  let constantPlaces: [Int]
  /// What optimizers gave, in words: "base: constant 3".
  let constantNames: [String]

  /// How many constants a step has.
  public var constantCount: Int { constantPlaces.count }
  /// Operations on values, without reading and writing.
  public var operationCount: Int {
    operations.count {
      switch $0 {
      case .load, .constant: false
      default: true
      }
    }
  }
  /// Whether the program reads a gradient.
  public var readsGradient: Bool { operations.contains(.load(.gradient)) }
  /// Whether the program sets the parameter.
  public var writesParameter: Bool { results[.parameter] != nil }
  /// Whether a last stream gets the parameter of that type, rounded from its master.
  func roundsParameter(_ type: DType) -> Bool { type.isHalf && writesParameter }
  /// Numbers read and written for an element.
  public var traffic: (reads: Int, writes: Int) {
    (operations.count { if case .load = $0 { true } else { false } }, results.count)
  }

  /// What the program reads or writes, the parameter first.
  var streams: [Stream] {
    [.parameter] + (readsGradient ? [.gradient] : []) + slots.indices.map { Stream.slot($0) }
  }

  /// Per stream, its place among them.
  var streamPlaces: [Stream: Int] { Dictionary(uniqueKeysWithValues: streams.enumerated().map { ($1, $0) }) }

  /// The same operations on the same streams, wherever their constants come from.
  public static func == (a: FusedProgram, b: FusedProgram) -> Bool {
    a.operations == b.operations && a.results == b.results && a.slots == b.slots
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(operations)
    hasher.combine(results)
    hasher.combine(slots)
  }
}

/// Joins lists to a program.
struct ProgramBuilder {
  private var operations: [Operation] = []
  private var places: [Operation: Int] = [:]
  private var slots: [FusedProgram.Slot] = []
  /// What streams hold by now.
  private var held: [Stream: Int] = [:]
  private(set) var constantNames = ["gradient scale"]

  /// - Parameter hasGradient: of the elements.
  init(hasGradient: Bool) {
    guard hasGradient else { return }
    let (gradient, scale) = (add(.load(.gradient)), add(.constant(0)))
    held[.gradient] = add(.binary(.multiply, gradient, scale))
  }

  private mutating func add(_ operation: Operation) -> Int {
    if let place = places[operation] { return place }
    operations.append(operation)
    places[operation] = operations.count - 1
    return operations.count - 1
  }

  private mutating func value(of stream: Stream) -> Int {
    if let place = held[stream] { return place }
    let place = add(.load(stream))
    held[stream] = place
    return place
  }

  private mutating func stream(of slot: FusedProgram.Slot) -> Stream {
    if let place = slots.firstIndex(of: slot) { return .slot(place) }
    slots.append(slot)
    return .slot(slots.count - 1)
  }

  /// Carries out a list after what is there.
  /// - Parameters:
  ///   - slots: of the node, by the numbers of its list.
  ///   - constants: how many it has.
  ///   - name: of the node, for people.
  mutating func append(
    _ list: OperationList, slots: [FusedProgram.Slot], constants: Int, of name: String
  ) {
    let firstConstant = constantNames.count
    for i in 0..<constants { constantNames.append("\(name): constant \(i)") }
    var own: [Int] = []
    for operation in list.values {
      switch operation {
      case .load(.slot(let number)): own.append(value(of: stream(of: slots[number])))
      case .load(let stream): own.append(value(of: stream))
      case .constant(let number): own.append(add(.constant(firstConstant + number)))
      default: own.append(add(operation.replacingOperands { own[$0] }))
      }
    }
    for (target, value) in list.results {
      if case .slot(let number) = target {
        held[stream(of: slots[number])] = own[value]
      } else {
        held[target] = own[value]
      }
    }
  }

  /// The gradient as nodes see it by now.
  var gradient: Int? {
    get { held[.gradient] }
    set { held[.gradient] = newValue }
  }

  /// The program without what nobody needs.
  func finish() -> FusedProgram {
    var results = held
    results[.gradient] = nil
    results = results.filter { operations[$1] != .load($0) }
    var needed: Set<Int> = []
    var waiting = Array(results.values)
    while let place = waiting.popLast() {
      if needed.insert(place).inserted { waiting += operations[place].operands }
    }
    // Slots in the tree's order, and only those that are used.
    let used = slots.indices.filter { i in
      results[.slot(i)] != nil || needed.contains { operations[$0] == .load(.slot(i)) }
    }.sorted { (slots[$0].node, slots[$0].index) < (slots[$1].node, slots[$1].index) }
    func renamed(_ stream: Stream) -> Stream {
      guard case .slot(let place) = stream, let new = used.firstIndex(of: place) else { return stream }
      return .slot(new)
    }
    var constants: [Int] = []
    var kept: [Operation] = []
    var newPlaces: [Int: Int] = [:]
    for (place, operation) in operations.enumerated() where needed.contains(place) {
      newPlaces[place] = kept.count
      switch operation {
      case .load(let stream): kept.append(.load(renamed(stream)))
      case .constant(let number):
        kept.append(.constant(constants.count))
        constants.append(number)
      default: kept.append(operation.replacingOperands { newPlaces[$0] ?? 0 })
      }
    }
    return FusedProgram(
      slots: used.map { slots[$0] }, operations: kept,
      results: Dictionary(uniqueKeysWithValues: results.map { (renamed($0), newPlaces[$1] ?? 0) }),
      constantPlaces: constants, constantNames: constants.map { constantNames[$0] })
  }
}
