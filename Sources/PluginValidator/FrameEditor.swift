// Puts other frames in the place of the host's while a training goes on.

import COptPlug
import OptimizerHost

/// Sends each call of `step` through a `FrameCopy`.
final class FrameEditor {
  var copy: FrameCopy
  /// Called when the copy is made, and after the call.
  var willCall: () throws -> Void = {}
  var didCall: () throws -> Void = {}
  private let interposition: Interposition
  private var thrown: (any Error)?

  /// - Parameter training: of the subject, made after it was interposed; one training at a time.
  init(_ subject: Subject, _ training: Training) throws {
    interposition = try subject.interposition()
    copy = FrameCopy(
      optimizer: training.optimizer, groupCount: training.options.groupValues.count,
      tables: try TableMemory(what: "a table of the frame"))
    interposition.onStep = { [unowned self] instance, frame, error, call in
      guard let frame else { return OPTPLUG_INTERNAL }
      do {
        copy.tables.reset()
        let made = try copy(frame)
        try willCall()
        let status = call(instance, made, error)
        copy.finish()
        try didCall()
        return status
      } catch {
        thrown = thrown ?? error
        return OPTPLUG_INTERNAL
      }
    }
  }

  deinit { interposition.onStep = nil }

  /// Takes steps of the training.
  func step(_ training: Training, times count: Int = 1) throws {
    for _ in 0..<count {
      do { try training.step() } catch { throw thrown ?? error }
    }
  }
}

extension FrameCopy.Stream: CustomStringConvertible {
  var description: String {
    switch self {
    case .parameter(let i): "parameter \(i)"
    case .gradient(let i): "the gradient of parameter \(i)"
    case .slot(let i, let name): "slot '\(name)' of parameter \(i)"
    case .baseGradient(let i): "the bases' gradient of parameter \(i)"
    case .scratch: "scratch"
    }
  }
}

/// Moves the streams of a call to other memory and their contents back after it.
final class Relocation {
  /// Makes memory for a stream.
  private let make: (_ bytes: Int, _ what: FrameCopy.Stream) throws -> GuardedMemory
  /// Whether each call gets memory of its own, and the old one is closed.
  private let isFresh: Bool
  private var moved: [Place: GuardedMemory] = [:]
  private var retired: [GuardedMemory] = []
  private var current: [(place: Place, memory: GuardedMemory)] = []

  private struct Place: Hashable {
    let address: UnsafeMutableRawPointer
    let bytes: Int
  }

  init(
    isFresh: Bool = false, _ make: @escaping (_ bytes: Int, _ what: FrameCopy.Stream) throws -> GuardedMemory
  ) {
    self.isFresh = isFresh
    self.make = make
  }

  /// Makes an editor use this.
  func install(in editor: FrameEditor) {
    editor.copy.relocate = { [self] in try move($0, $1, $2) }
    editor.didCall = { [self] in finish() }
  }

  private func move(_ now: UnsafeMutableRawPointer, _ bytes: Int, _ what: FrameCopy.Stream) throws
    -> UnsafeMutableRawPointer
  {
    let place = Place(address: now, bytes: bytes)
    // Wrappers and their bases see the same parameters.
    if let known = current.first(where: { $0.place == place }) { return known.memory.start }
    let memory = try moved[place] ?? make(bytes, what)
    moved[place] = memory
    memory.start.copyMemory(from: now, byteCount: bytes)
    current.append((place, memory))
    return memory.start
  }

  private func finish() {
    for (place, memory) in current {
      place.address.copyMemory(from: memory.start, byteCount: place.bytes)
      guard isFresh else { continue }
      memory.retire(what: "memory of an earlier call, which the host has moved since")
      moved[place] = nil
      retired.append(memory)
    }
    current = []
  }
}
