// What an author of an optimizer of whole tensors states.

/// An optimizer whose update looks at a whole tensor at once: factored moments, products of matrices.
///
/// Conform a struct that is generic over `Scalar`, and hand both of its instances to `optimizer(_:_:)` in the
/// plugin's entry. An instance holds the constants of one step; `update` sees one tensor at a time, several at once
/// on different threads.
public protocol TensorFormula {
  associatedtype S: Scalar

  /// Name, version and source.
  static var about: About { get }
  /// Settings, in the order by which `HyperparameterValues` is read.
  static var hyperparameters: [Hyperparameter] { get }
  /// What it needs of the host. Provided: nothing.
  static var services: [Service] { get }
  /// Slots of a tensor in a group with `values`. Only structural values may decide.
  static func slots(_ shape: TensorShape, _ values: HyperparameterValues) -> [Slot]
  /// Bytes of working memory that `update` takes from the tensor's `scratch`. Provided: none.
  static func scratchBytes(_ shape: TensorShape, _ values: HyperparameterValues) -> Int
  /// What is wrong with a combination of values that are each in range; nil when nothing is. Provided.
  static func check(_ values: HyperparameterValues) -> StaticString?

  /// Called when `tensors` tensors have got their slots, to say something to the person who trains. Provided: nothing.
  static func planned(_ tensors: Int, _ services: HostServices)

  /// The constants of a step.
  /// - Parameters:
  ///   - values: the settings of the tensor's group.
  ///   - step: the tensor's own step, 1 on its first with a gradient.
  init(_ values: HyperparameterValues, step: Int)

  /// Updates one tensor. The result must not depend on how the host shares out what `tensor.share` hands it.
  /// - Throws: what the host's services throw.
  func update(_ tensor: WholeTensor<S>) throws(TensorFailure)

  /// Part `part` of a stage of `update` that was handed out by `tensor.share`. Provided: nothing.
  func work(_ part: Int, of stage: Int, on tensor: WholeTensor<S>)
}

extension TensorFormula {
  public static var services: [Service] { [] }
  public static func scratchBytes(_ shape: TensorShape, _ values: HyperparameterValues) -> Int { 0 }
  public static func check(_ values: HyperparameterValues) -> StaticString? { nil }
  public static func planned(_ tensors: Int, _ services: HostServices) {}
  public func work(_ part: Int, of stage: Int, on tensor: WholeTensor<S>) {}
}

/// An optimizer of whole tensors that updates some of them and leaves the others to bases of the user's choice.
public protocol RoutingFormula: TensorFormula {
  /// Names of the bases, for paths.
  static var baseRoles: [StaticString] { get }
  /// Who updates a tensor in a group with `values`. Only structural values may decide.
  static func route(_ shape: TensorShape, _ values: HyperparameterValues) -> Route
}

/// Who updates a tensor.
public enum Route {
  /// The optimizer itself, alone.
  case own
  /// The base at a place in `baseRoles`, alone.
  case base(Int)
}

/// Why an update could not be computed.
public struct TensorFailure: Error {
  let message: StaticString

  public init(_ message: StaticString) { self.message = message }
}

/// The sizes of a tensor, outermost first.
public struct TensorShape {
  private let sizes: UnsafePointer<Int64>?
  /// How many sizes there are; 0 for a single number.
  public let dimensions: Int
  /// Elements: the product of the sizes.
  public let count: Int

  init(_ sizes: UnsafePointer<Int64>?, dimensions: Int, count: Int) {
    self.sizes = sizes
    self.dimensions = dimensions
    self.count = count
  }

  /// The size at `axis`.
  public subscript(axis: Int) -> Int { Int(sizes.unsafelyUnwrapped[axis]) }
}
