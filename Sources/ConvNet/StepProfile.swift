// Where the time of a step goes, operation by operation.

/// Seconds of each operation of a network, summed over the calls made while it is the network's `profile`.
public final class StepProfile {
  /// One operation of a step, such as `conv1 convolution`.
  public struct Operation: Hashable, Sendable {
    /// The layer, then what is done.
    public let name: String
    public internal(set) var seconds = 0.0
    public internal(set) var calls = 0
    /// Floating-point operations of the products in all calls, a multiplication and an addition being two; 0 for
    /// operations that are bound by memory.
    public internal(set) var products = 0.0
  }

  /// In the order of their first call. Operations of the same name are one.
  public private(set) var operations: [Operation] = []
  private var places: [String: Int] = [:]
  private let clock = ContinuousClock()

  public init() {}

  func time(_ name: String, products: Double, _ body: () throws -> Void) rethrows {
    let start = clock.now
    try body()
    let seconds = start.duration(to: clock.now) / .seconds(1)
    let place = places[name] ?? operations.count
    if place == operations.count {
      places[name] = place
      operations.append(Operation(name: name))
    }
    operations[place].seconds += seconds
    operations[place].calls += 1
    operations[place].products += products
  }
}
