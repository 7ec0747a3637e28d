// Cases about frames and plans that other hosts, or later ones, make: larger structs, other strides, no room for errors.

import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  static let frames: [ValidationCase] = [
    ValidationCase("accepts-empty-frames", "A step without segments succeeds and does nothing.") { subject in
      let plain = try snapshot(subject, TrainingOptions(), steps: 4)
      let training = try Training(subject)
      try training.step(times: 4)
      let editor = try FrameEditor(subject, training)
      editor.copy.isEmpty = true
      try editor.step(training)
      for (i, parameter) in training.parameters.enumerated() {
        let bytes = UnsafeRawBufferPointer(
          start: parameter.values, count: parameter.count * training.dtype.size)
        try expect(
          bytes.elementsEqual(plain.tensors[i].bytes), "a step without segments changes '\(parameter.name)'")
      }
    },
    ValidationCase("walks-segments-by-stride", "Segments may have grown: their stride leads to the next.") {
      try trainEdited($0, "with segments of a later minor") { $0.extraSegmentBytes = 24 }
    },
    ValidationCase(
      "walks-parameters-by-stride", "Parameters may have grown: their stride leads to the next."
    ) {
      try trainEdited($0, "with parameters of a later minor") { $0.extraParameterBytes = 40 }
    },
    ValidationCase("accepts-larger-frames", "A frame may have grown; struct_size says so.") {
      try trainEdited($0, "with frames of a later minor") { $0.extraFrameBytes = 96 }
    },
    ValidationCase("ignores-unknown-flags", "Flags of a frame that a later minor defines change nothing.") {
      try trainEdited($0, "with a flag of a later minor") { $0.flags |= 0x8000_0000 }
    },
    ValidationCase(
      "accepts-larger-plans", "A plan and its parameters may have grown; sizes and strides say so.",
      needs: .instance
    ) { subject in
      let plain = try Training(subject).optimizer.conformancePlan()
      let tables = try TableMemory(what: "a table of the plan")
      let interposition = try subject.interposition()
      interposition.onPlan = { instance, plan, error, call in
        guard let plan, let grown = try? grow(plan, tables) else { return OPTPLUG_INTERNAL }
        return call(instance, grown, error)
      }
      defer { interposition.onPlan = nil }
      let grown: [String]
      do { grown = try Training(subject).optimizer.conformancePlan() } catch OptimizerError.call(
        _, _, let problem)
      {
        throw Verdict.failed("with a plan of a later minor, plan fails: \(problem)")
      }
      try expect(grown == plain, "with a plan of a later minor it asks for other slots")
    },
    ValidationCase("accepts-no-error", "Every function takes NULL in place of room for a message.") {
      subject in
      let interposition = try subject.interposition()
      interposition.dropsErrors = true
      defer { interposition.dropsErrors = false }
      let training = try Training(subject)
      try training.step(times: 3)
      try provokeFailures(subject, training) { _ in nil }
    },
    ValidationCase(
      "keeps-to-the-messages-room", "Messages fit into the room that they get, and end with a NUL."
    ) { subject in
      let room = MessageRoom()
      let training = try Training(subject)
      var problem: String?
      for capacity in [0, 1, 8, 64] {
        try provokeFailures(subject, training) { status in
          guard let status else { return room.prepare(capacity) }
          problem = problem ?? room.problem(capacity, failed: status != OPTPLUG_OK)
          return nil
        }
      }
      if let problem { throw Verdict.failed(problem) }
    },
    ValidationCase(
      "joins-parameters", "Parameters that lie side by side give the same bits when taken as one."
    ) {
      subject in
      let type = try subject.type()
      guard type.isOfElements, type.claims(OPTPLUG_CAPABILITY_JOINED_PARAMETERS) else {
        throw Verdict.skipped("it does not take joined parameters")
      }
      let shapes: [(name: String, shape: [Int])] = (0..<6).map { ("w\($0)", [16 * ($0 + 1)]) }
      let apart = try snapshot(subject, TrainingOptions(shapes: shapes), steps: 5)
      // In memory of the arena, values and gradients lie side by side, and so do all slots.
      let dtype = try subject.dtypes().first ?? .float32
      let arena = try ParameterArena(shapes.map { .init(name: $0.name, shape: $0.shape, dtype: dtype) })
      var (values, gradients) = (arena.parameters.map(\.values)[...], arena.gradients[...])
      let joined = try withExtendedLifetime(arena) {
        try snapshot(
          subject,
          TrainingOptions(
            shapes: shapes, memory: { _ in values.removeFirst() },
            gradientMemory: { _ in gradients.removeFirst() }),
          steps: 5)
      }
      try joined.expectSame(as: apart, "with parameters joined")
    },
  ]

  private static func trainEdited(_ subject: Subject, _ when: String, _ edit: (inout FrameCopy) -> Void)
    throws
  {
    let plain = try snapshot(subject, TrainingOptions(), steps: 5)
    let training = try Training(subject)
    let editor = try FrameEditor(subject, training)
    edit(&editor.copy)
    do { try editor.step(training, times: 5) } catch OptimizerError.call(_, let function, let problem) {
      throw Verdict.failed("\(when), \(function) fails: \(problem)")
    }
    try training.snapshot().expectSame(as: plain, when)
  }

  private static func grow(_ plan: UnsafePointer<optplug_plan>, _ tables: TableMemory) throws
    -> UnsafePointer<optplug_plan>
  {
    let extra = 64
    tables.reset()
    let size = Int(plan.pointee.struct_size)
    let memory = try tables.allocate(size + extra)
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: size + extra)
    memory.copyMemory(from: plan, byteCount: size)
    let grown = memory.assumingMemoryBound(to: optplug_plan.self)
    grown.pointee.struct_size += UInt32(extra)
    grown.pointee.parameters = try tables.grown(plan.pointee.parameters, by: 40)
    return UnsafePointer(grown)
  }

  /// Calls functions with what no host hands them, so that they fail if they look; a failure is no fault.
  /// - Parameter room: called with nil for the room of a message, then with the status that the call answered.
  private static func provokeFailures(
    _ subject: Subject, _ training: Training,
    room: @escaping (optplug_status?) -> UnsafeMutablePointer<optplug_error>?
  ) throws {
    let (descriptor, interposition) = (try subject.descriptor(), try subject.interposition())
    if let check = descriptor.pointee.check {
      for values in try subject.type().extremeValues() {
        let status = values.withUnsafeBufferPointer { check(descriptor, $0.baseAddress, room(nil)) }
        _ = room(status)
      }
    }
    let copy = FrameCopy(
      optimizer: training.optimizer, groupCount: training.options.groupValues.count,
      tables: try TableMemory(what: "a table of the frame"))
    interposition.onStep = { instance, frame, error, call in
      var empty = copy
      empty.showsNothing = true
      empty.dtype = optplug_dtype(code: 17, bits: 24, lanes: 1)
      guard let frame, let made = try? empty(frame) else { return OPTPLUG_INTERNAL }
      _ = room(call(instance, made, room(nil)))
      return OPTPLUG_OK
    }
    defer { interposition.onStep = nil }
    try training.step()
  }
}

extension OptimizerType {
  /// Combinations of values that are each allowed: all at one end of their ranges, or one alone.
  func extremeValues() -> [[Double]] {
    let defaults = hyperparameters.map(\.defaultValue)
    let ends = hyperparameters.map { $0.extremes }
    var rows = [ends.map { $0.first ?? 0 }, ends.map { $0.last ?? 0 }]
    for (i, values) in ends.enumerated() {
      for value in values {
        var row = defaults
        row[i] = value
        rows.append(row)
      }
    }
    return rows
  }
}

/// Room for a message with bytes around it that must not change.
private final class MessageRoom {
  private let error = UnsafeMutablePointer<optplug_error>.allocate(capacity: 1)
  private let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 4096)
  private let canary = CChar(0x5A)

  deinit {
    error.deallocate()
    bytes.deallocate()
  }

  func prepare(_ capacity: Int) -> UnsafeMutablePointer<optplug_error>? {
    bytes.update(repeating: canary)
    let start = bytes.baseAddress.map { $0 + 1024 }
    start?.update(repeating: 0, count: capacity)
    error.initialize(
      to: optplug_error(
        struct_size: UInt32(MemoryLayout<optplug_error>.size), message_capacity: UInt32(capacity),
        message: start))
    return error
  }

  func problem(_ capacity: Int, failed: Bool) -> String? {
    guard bytes[..<1024].allSatisfy({ $0 == canary }),
      bytes[(1024 + capacity)...].allSatisfy({ $0 == canary })
    else {
      return "a message of a failing call is written beyond its room of \(capacity) bytes"
    }
    guard capacity > 0, failed, !bytes[1024..<(1024 + capacity)].contains(0) else { return nil }
    return "a message in a room of \(capacity) bytes does not end with a NUL"
  }
}
