// What an author of an optimizer states that keeps something for each block of elements, such as a scale.

/// An optimizer that works on blocks of consecutive elements, with slots of other types.
///
/// Conform a struct that is generic over `Scalar`, and hand both of its instances to `optimizer(_:_:)` in the plugin's
/// entry. The properties of an instance are the constants of one step.
public protocol BlockFormula {
  associatedtype S: Scalar

  /// Name, version and source.
  static var about: About { get }
  /// Settings, in the order by which `HyperparameterValues` is read.
  static var hyperparameters: [Hyperparameter] { get }
  /// Elements of a block, from 1; the last block of a tensor may be shorter.
  static var blockLength: Int { get }
  /// Arrays of `blockLength` numbers with which `update` works. Provided: none.
  static var workingArrays: Int { get }
  /// Slots of a tensor of `count` elements in a group with `values`. Only structural values may decide.
  static func slots(_ values: HyperparameterValues, count: Int) -> [Slot]
  /// What is wrong with a combination of values that are each in range; nil when nothing is. Provided.
  static func check(_ values: HyperparameterValues) -> StaticString?

  /// The constants of a step.
  /// - Parameters:
  ///   - values: the settings of the tensor's group.
  ///   - step: the tensor's own step, 1 on its first with a gradient.
  init(_ values: HyperparameterValues, step: Int)

  /// Updates one block.
  func update(_ block: Block<S>)
}

extension BlockFormula {
  public static var workingArrays: Int { 0 }
  public static func check(_ values: HyperparameterValues) -> StaticString? { nil }
}

/// A block of one tensor. Its arrays have `count` elements and never overlap.
public struct Block<S: Scalar> {
  /// Elements of this block, from 1 to the author's `blockLength`.
  public let count: Int
  /// Elements of the whole tensor.
  public let tensorCount: Int
  /// The weights.
  public let parameter: UnsafeMutablePointer<S>
  let gradientElements: UnsafePointer<S>
  let gradientScale: S
  let slots: UnsafePointer<UnsafeMutableRawPointer?>?
  /// Elements and blocks of the piece that come before this block.
  let elementsBefore, blocksBefore: Int
  let working: UnsafeMutableRawPointer?
  let workingStride: Int

  /// The gradient of element `i`, rounded to S after scaling, as a host does for plugins that do not scale.
  @inline(__always) public func gradient(_ i: Int) -> S { gradientElements[i] * gradientScale }

  /// The block's elements of the slot at `index` in the author's list, whose extent is `elements`.
  @inline(__always) public func slot<T>(_ index: Int, as _: T.Type = S.self) -> UnsafeMutablePointer<T> {
    memory(index).assumingMemoryBound(to: T.self) + elementsBefore
  }

  /// The block's one element of the slot at `index`, whose extent is `blocks`.
  @inline(__always) public func number<T>(_ index: Int, as _: T.Type) -> UnsafeMutablePointer<T> {
    memory(index).assumingMemoryBound(to: T.self) + blocksBefore
  }

  /// The working array at `index`, with any contents, for elements of at most 8 bytes.
  @inline(__always) public func workingArray<T>(_ index: Int, of _: T.Type) -> UnsafeMutablePointer<T> {
    (working.unsafelyUnwrapped + index * workingStride).assumingMemoryBound(to: T.self)
  }

  @inline(__always) private func memory(_ index: Int) -> UnsafeMutableRawPointer {
    slots.unsafelyUnwrapped[index].unsafelyUnwrapped
  }
}
