// An optimizer that trains nothing well but uses everything that the kit offers for whole tensors.

import COptPlug
import OptimizerKit

/// Adds a random number, and counts what it sees in slots of every type.
///
/// `words` gets the first 32-bit words of the tensor's random numbers; element i of the tensor becomes
/// p + word i / 2³² − scale·g. The slots count elements: `bytes` modulo 256, `floats`, `doubles` and `longs`.
struct TensorProbe<S: Scalar>: TensorFormula {
  static var about: About {
    About(name: "tensor_probe", summary: "Uses what the kit offers for whole tensors.")
  }
  static var hyperparameters: [Hyperparameter] { [.float("scale", 1, doc: "Of the gradient.")] }
  static var services: [Service] { [.random, .parallelFor, .log] }

  static func slots(_ shape: TensorShape, _ values: HyperparameterValues) -> [Slot] {
    [
      Slot("start", .parameterCopy), Slot("bytes", .other, type: .uint8, extent: .sizes([2, 3])),
      Slot("floats", .other, type: .float32, extent: .sizes([])),
      Slot("doubles", .other, type: .float64, extent: .sizes([1])),
      Slot("longs", .other, type: .int64, extent: .sizes([4])),
      Slot("own", .other, type: .asParameter, extent: .sizes([2])),
    ]
  }

  static func scratchBytes(_ shape: TensorShape, _ values: HyperparameterValues) -> Int {
    Scratch.bytes(UInt8.self, 1) + Scratch.bytes(UInt32.self, shape.count)
  }

  static func planned(_ tensors: Int, _ services: HostServices) {
    services.log(.info, "tensor_probe is planned")
  }

  private let scale: S

  init(_ values: HyperparameterValues, step: Int) { scale = S(-values[0]) }

  func update(_ tensor: WholeTensor<S>) throws(TensorFailure) {
    guard tensor.count < 1000 else { throw TensorFailure("tensor_probe takes fewer than 1000 elements") }
    tensor.share(0, parts: (tensor.count + 6) / 7)
    let bytes: UnsafeMutablePointer<UInt8> = tensor.slot(1)
    let floats: UnsafeMutablePointer<Float> = tensor.slot(2)
    let doubles: UnsafeMutablePointer<Double> = tensor.slot(3)
    let longs: UnsafeMutablePointer<Int64> = tensor.slot(4)
    for i in 0..<6 { bytes[i] = bytes[i] &+ UInt8(truncatingIfNeeded: tensor.count) }
    floats[0] += Float(tensor.count)
    doubles[0] += Double(tensor.shape.count)
    for i in 0..<4 { longs[i] += Int64(tensor.shape.dimensions) }
    let own: UnsafeMutablePointer<S> = tensor.slot(5)
    own[1] = S(sumOfSquares(tensor.count) { tensor.gradient($0) })
  }

  func work(_ part: Int, of stage: Int, on tensor: WholeTensor<S>) {
    var scratch = tensor.scratch
    _ = scratch.take(UInt8.self, 1)
    let words = scratch.take(UInt32.self, tensor.count)
    let range = (7 * part)..<min(7 * part + 7, tensor.count)
    tensor.services.random(
      UnsafeMutableBufferPointer(start: words + range.lowerBound, count: range.count), key: tensor.seed,
      stream: UInt64(tensor.number), first: UInt64(range.lowerBound))
    for i in range {
      let noisy = tensor.parameter[i] + S(Double(words[i]) / 0x1p32)
      tensor.parameter[i] = S.fma(tensor.gradient(i), scale, noisy)
    }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(TensorProbe<Float>.self, TensorProbe<Double>.self)] }
}
