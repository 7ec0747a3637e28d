// What a wrapper's call of its base costs, through the vtables of both.

import COptPlug
import Foundation

/// Nanoseconds of one call, of Lookahead over Adam and of Adam alone.
struct CallCost: Encodable {
  let emptyNs, segment64Ns, adamEmptyNs, adamSegment64Ns: Double
  let method =
    "Medians of \(batches) batches of \(calls) calls, the four kinds in turns, after a batch of each: "
    + "lookahead's step where it does not sync (k=5), which calls adam's, and adam's alone, with no segment "
    + "and with one of 64 float32."

  private static let batches = 101
  private static let calls = 100_000

  static func measure() throws -> CallCost {
    let folder = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent().path ?? "."
    #if os(macOS)
      let suffix = "dylib"
    #else
      let suffix = "so"
    #endif
    let parameter = RawParameter(count: 64)
    let adam = try RawOptimizer("adam", in: "\(folder)/libAdam.\(suffix)", over: parameter)
    let lookahead = try RawOptimizer(
      "lookahead", in: "\(folder)/libLookahead.\(suffix)", over: parameter, base: adam)

    let kinds: [(optimizer: RawOptimizer, segments: UInt32)] = [
      (lookahead, 0), (lookahead, 1), (adam, 0), (adam, 1),
    ]
    var times = Array(repeating: [Double](), count: kinds.count)
    for batch in 0...batches {
      for (i, kind) in kinds.enumerated() {
        for optimizer in [adam, lookahead] { optimizer.frame.pointee.segments.count = kind.segments }
        let time = try time(kind.optimizer)
        if batch > 0 { times[i].append(time) }
      }
    }
    let medians = times.map { $0.sorted()[batches / 2] }
    return CallCost(
      emptyNs: medians[0], segment64Ns: medians[1], adamEmptyNs: medians[2], adamSegment64Ns: medians[3])
  }

  /// Of one call in a batch.
  private static func time(_ optimizer: RawOptimizer) throws -> Double {
    var error = optplug_error()
    error.struct_size = UInt32(MemoryLayout<optplug_error>.size)
    guard let step = optimizer.descriptor.pointee.step else { throw Refusal("the optimizer cannot step") }
    var failures: optplug_status = 0
    let start = now()
    for _ in 0..<calls { failures |= step(optimizer.instance, optimizer.frame, &error) }
    let end = now()
    guard failures == OPTPLUG_OK else { throw Refusal("a step failed with status \(failures)") }
    return ((end - start) / Double(calls) * 1e9 * 100).rounded() / 100
  }
}
