// Walks a frame's segments.

import COptPlug

/// The frame's segments, by the host's stride.
struct Segments: Sequence, IteratorProtocol {
  private var position: UnsafeRawPointer?
  private var left: UInt32
  private let stride: Int

  @inline(__always) init(_ frame: UnsafePointer<optplug_frame>) {
    let span = frame.pointee.segments
    position = span.data
    left = span.count
    stride = Int(span.stride)
  }

  @inline(__always) mutating func next() -> UnsafePointer<optplug_segment>? {
    guard left > 0, let segment = position else { return nil }
    left -= 1
    position = segment + stride
    return segment.assumingMemoryBound(to: optplug_segment.self)
  }
}

extension Piece {
  /// A segment as a formula sees it.
  @inline(__always) init(
    _ segment: UnsafePointer<optplug_segment>, gradientScale: S, borrowedSlots: Int = 0
  ) {
    count = Int(segment.pointee.count)
    parameter = Stream(segment.pointee.parameter)
    gradient = segment.pointee.gradient?.assumingMemoryBound(to: S.self)
    self.gradientScale = gradientScale
    slots = segment.pointee.slots
    self.borrowedSlots = borrowedSlots
  }
}

extension optplug_frame {
  /// The entry of a parameter that this node sees.
  @inline(__always) func parameter(_ number: UInt32) -> UnsafePointer<optplug_parameter> {
    (parameters.data + Int(number) * Int(parameters.stride)).assumingMemoryBound(to: optplug_parameter.self)
  }

  /// The values of this node for a group.
  @inline(__always) func values(_ group: UInt32) -> HyperparameterValues {
    HyperparameterValues(hyperparameters[Int(group)].unsafelyUnwrapped)
  }

  /// Calls the loop for the frame's element type.
  @inline(__always) func dispatch(_ error: ErrorOut, float: () -> Void, double: () -> Void) -> optplug_status
  {
    switch dtype.bits {
    case 32: float()
    case 64: double()
    default: return fail(error, OPTPLUG_UNIMPLEMENTED, "only 32-bit and 64-bit floats are supported")
    }
    return OPTPLUG_OK
  }
}
