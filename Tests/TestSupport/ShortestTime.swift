// Times that other work on the machine does not lengthen.

/// The shortest of some runs' times: what else the machine does delays some of them, rarely all.
public func shortestTime(of runs: Int = 5, _ body: () throws -> Void) rethrows -> Duration {
  var shortest = try ContinuousClock().measure(body)
  for _ in 1..<runs { shortest = min(shortest, try ContinuousClock().measure(body)) }
  return shortest
}
