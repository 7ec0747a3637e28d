// One tensor of an update: weights, gradient, slots, working memory, and loops that the host shares out.

import COptPlug

/// A tensor, its gradient and its slots.
///
/// All pointers are to `count` elements, but those of slots with other shapes. They never overlap.
public struct WholeTensor<S: Scalar> {
  public let shape: TensorShape
  /// Elements of the tensor, 1 or more.
  public let count: Int
  public let parameter: UnsafeMutablePointer<S>
  /// The host's services that the optimizer asked for.
  public let services: HostServices
  /// Key for random numbers, equal for equal runs; count by `number` and element.
  public let seed: UInt64
  /// The tensor's place among those that the optimizer sees.
  public let number: Int
  private let gradientElements: UnsafePointer<S>
  private let gradientScale: S
  private let slots: UnsafePointer<UnsafeMutableRawPointer?>?
  private let memory: UnsafeMutableRawPointer?
  private let sharing: Sharing

  /// Whose loops `share` hands out.
  struct Sharing {
    let implementation: TensorWork
    /// The author's formula.
    let formula: UnsafeRawPointer
  }

  init(
    _ segment: UnsafePointer<optplug_segment>, of frame: UnsafePointer<optplug_frame>, shape: TensorShape,
    services: HostServices, sharing: Sharing
  ) {
    self.shape = shape
    count = Int(segment.pointee.count)
    parameter = segment.pointee.parameter.assumingMemoryBound(to: S.self)
    gradientElements = segment.pointee.gradient.assumingMemoryBound(to: S.self)
    gradientScale = S(frame.pointee.gradient_scale)
    slots = segment.pointee.slots
    memory = frame.pointee.scratch
    seed = frame.pointee.seed
    number = Int(segment.pointee.parameter_index)
    self.services = services
    self.sharing = sharing
  }

  /// The gradient of element `i`, rounded to S after scaling, as a host does for plugins that do not scale.
  @inline(__always) public func gradient(_ i: Int) -> S { gradientElements[i] * gradientScale }

  /// The first element of the slot at `index` in the author's list.
  @inline(__always) public func slot<T>(_ index: Int, as _: T.Type = S.self) -> UnsafeMutablePointer<T> {
    slots.unsafelyUnwrapped[index].unsafelyUnwrapped.assumingMemoryBound(to: T.self)
  }

  /// The working memory, with any contents; as many bytes as the author's `scratchBytes` said.
  public var scratch: Scratch { Scratch(memory) }

  /// Calls the formula's `work` with each part below `parts`, on the threads that the host has to spare, and returns
  /// when all have returned. A part must not write what another one reads or writes.
  public func share(_ stage: Int, parts: Int) {
    withUnsafePointer(to: self) { tensor in
      var loop = TensorLoop(
        implementation: .passUnretained(sharing.implementation), formula: sharing.formula,
        tensor: UnsafeRawPointer(tensor), stage: stage, isDouble: MemoryLayout<S>.size == 8)
      withUnsafeMutablePointer(to: &loop) { loop in
        services.parallel(parts, runPart, UnsafeMutableRawPointer(loop))
      }
    }
  }
}

/// Takes arrays from the working memory of an update, one after another, each aligned to 64 bytes.
public struct Scratch {
  private var next: UnsafeMutableRawPointer?

  init(_ memory: UnsafeMutableRawPointer?) { next = memory }

  /// Bytes that an array takes, for the author's `scratchBytes`.
  public static func bytes<T>(_: T.Type, _ count: Int) -> Int {
    (count * MemoryLayout<T>.stride + 63) / 64 * 64
  }

  /// The next array.
  public mutating func take<T>(_: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
    let array = next.unsafelyUnwrapped
    next = array + Self.bytes(T.self, count)
    return array.assumingMemoryBound(to: T.self)
  }
}

/// What a part of a shared loop is told: closures of Swift do not pass through C without memory of their own.
struct TensorLoop {
  let implementation: Unmanaged<TensorWork>
  let formula: UnsafeRawPointer
  let tensor: UnsafeRawPointer
  let stage: Int
  let isDouble: Bool
}

private let runPart: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Void = { context, part in
  guard let loop = context?.assumingMemoryBound(to: TensorLoop.self) else { return }
  loop.pointee.implementation._withUnsafeGuaranteedRef { $0.work(Int(part), of: loop.pointee) }
}
