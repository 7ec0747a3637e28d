// Cases about which bytes a step reads and writes.

import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  static let memory: [ValidationCase] = [
    ValidationCase("guard-behind", "A step reads and writes no byte behind the end of what it is given.") {
      try trainGuarded($0, .beforeGuard)
    },
    ValidationCase("guard-before", "A step reads and writes no byte in front of what it is given.") {
      try trainGuarded($0, .behindGuard)
    },
    ValidationCase("only-reads-gradients", "A step writes no gradient.") { subject in
      var memory: [GuardedMemory] = []
      let training = try Training(
        subject,
        TrainingOptions(
          gradientsChange: { isOpen in for gradient in memory { gradient.set(writable: isOpen) } },
          gradientMemory: { bytes in
            let made = try GuardedMemory(bytes: bytes, .behindGuard, what: "a gradient")
            memory.append(made)
            return made.start
          }))
      for gradient in memory { gradient.nameWrites("wrote to a gradient; gradients belong to the trainer") }
      try training.step(times: 5)
    },
    ValidationCase(
      "only-reads-frames", "A step writes neither frames nor segments nor tables of hyperparameters."
    ) { subject in
      let training = try Training(subject)
      let editor = try FrameEditor(subject, training)
      editor.willCall = {
        editor.copy.tables.close("wrote to a frame or one of its tables; they belong to the host")
      }
      try editor.step(training, times: 5)
      editor.willCall = {}
    },
    ValidationCase(
      "touches-only-its-segments", "A step given the middle of a tensor leaves the rest of it alone."
    ) { subject in
      let training = try Training(subject, TrainingOptions(pieceElements: 16))
      let interposition = try subject.interposition()
      var problem: String?
      interposition.onStep = { instance, frame, error, call in
        guard let frame else { return OPTPLUG_INTERNAL }
        let outside = Outside(training, frame.pointee)
        let status = call(instance, frame, error)
        problem = problem ?? outside.change()
        return status
      }
      defer { interposition.onStep = nil }
      try training.step(times: 3)
      if let problem { throw Verdict.failed("step \(problem)") }
    },
    ValidationCase(
      "bears-any-alignment", "Tensors need not lie at multiples of anything but their element's size."
    ) { subject in
      let plain = try trained(subject)
      let training = try Training(subject)
      let editor = try FrameEditor(subject, training)
      let size = training.dtype.size
      var next = 0
      Relocation { bytes, what in
        // Each stream at a distance of its own from multiples of 64.
        next = next % 7 + 1
        // Working memory is aligned whatever tensors are.
        return try GuardedMemory(
          bytes: bytes, .behindGuard, what: "\(what)", distance: what == .scratch ? 0 : next * size)
      }.install(in: editor)
      try editor.step(training, times: 5)
      try training.snapshot().expectSame(as: plain, "with tensors at odd addresses")
    },
    ValidationCase(
      "keeps-no-pointers",
      "A step uses no memory of an earlier one: the host moves tensors and slots as it likes."
    ) { subject in
      let plain = try trained(subject)
      let training = try Training(subject)
      let editor = try FrameEditor(subject, training)
      Relocation(isFresh: true) { try GuardedMemory(bytes: $0, .behindGuard, what: "\($1)", distance: 64) }
        .install(in: editor)
      try editor.step(training, times: 5)
      try training.snapshot().expectSame(as: plain, "with everything moved between steps")
    },
  ]

  /// What five steps in ordinary memory give.
  private static func trained(_ subject: Subject) throws -> Snapshot {
    let training = try Training(subject)
    try training.step(times: 5)
    return training.snapshot()
  }

  private static func trainGuarded(_ subject: Subject, _ placement: GuardedMemory.Placement) throws {
    for dtype in try subject.dtypes() {
      // Lengths around those of vectors, where loops have their ends.
      let options = TrainingOptions(
        shapes: (2...17).map { ("w\($0)", [$0]) } + [("w64", [64]), ("m", [9, 11])], dtype: dtype)
      let plain = try snapshot(subject, options, steps: 3)
      let training = try Training(subject, options)
      let editor = try FrameEditor(subject, training)
      Relocation { bytes, what in
        let alignment = what == .scratch ? 64 : 1
        return try GuardedMemory(
          bytes: (bytes + alignment - 1) / alignment * alignment, placement, what: "\(what)")
      }.install(in: editor)
      try editor.step(training, times: 3)
      try training.snapshot().expectSame(as: plain, "between guard pages")
    }
  }
}

/// All elements that a call must leave alone, as they are before it.
private struct Outside {
  private var parts: [(name: String, memory: UnsafeMutableRawPointer, before: [UInt8])] = []

  init(_ training: Training, _ frame: optplug_frame) {
    var given: [Int: [Range<Int>]] = [:]
    Self.collect(training, frame, node: 0, &given)
    for (i, parameter) in training.parameters.enumerated() {
      let ranges = (given[i] ?? []).sorted { $0.lowerBound < $1.lowerBound }
      var start = 0
      for range in ranges + [parameter.count..<parameter.count] {
        let rest = start..<max(start, range.lowerBound)
        start = range.upperBound
        guard !rest.isEmpty else { continue }
        add("'\(parameter.name)'", parameter.values, rest, training.dtype.size)
        for node in 0..<training.optimizer.conformanceNodeCount {
          for slot in training.optimizer.conformanceSlots(node: node, parameter: i) where slot.isAsParameter {
            if let memory = slot.memory {
              add("slot '\(slot.name)' of '\(parameter.name)'", memory, rest, slot.dtype.size)
            }
          }
        }
      }
    }
  }

  /// What the segments of a node and of those below it show of each parameter.
  private static func collect(
    _ training: Training, _ frame: optplug_frame, node: Int, _ given: inout [Int: [Range<Int>]]
  ) {
    for i in 0..<Int(frame.segments.count) {
      guard let data = frame.segments.data else { break }
      let segment = (data + i * Int(frame.segments.stride)).load(as: optplug_segment.self)
      let start = Int(segment.offset)
      let parameter = training.optimizer.conformanceParameter(
        node: node, number: Int(segment.parameter_index))
      given[parameter, default: []].append(start..<(start + Int(segment.count)))
    }
    for (i, base) in training.optimizer.conformanceBases(of: node).enumerated() {
      if let child = frame.children?[i] { collect(training, child.pointee, node: base, &given) }
    }
  }

  private mutating func add(
    _ name: String, _ memory: UnsafeMutableRawPointer, _ range: Range<Int>, _ size: Int
  ) {
    let start = memory + range.lowerBound * size
    parts.append(
      (
        "elements \(range.lowerBound) to \(range.upperBound - 1) of \(name)", start,
        Array(UnsafeRawBufferPointer(start: start, count: range.count * size))
      ))
  }

  /// What has changed, in words, or nil.
  func change() -> String? {
    for (name, memory, before) in parts
    where !UnsafeRawBufferPointer(start: memory, count: before.count).elementsEqual(before) {
      return "changes something among \(name), which no segment shows it"
    }
    return nil
  }
}
