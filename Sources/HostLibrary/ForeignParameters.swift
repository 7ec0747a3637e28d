// The trainer's tensors, and row-major copies of those that are not.

import BasicFoundation
import COptPlugHost
import OptimizerHost

/// All parameters of a trainer in another language.
final class ForeignParameters {
  private struct Entry {
    let name: String
    let layout: Layout
    let elementSize: Int
    var data: UnsafeMutableRawPointer
    /// Row-major, when the tensor is not.
    let copy: UnsafeMutableRawPointer?
    /// For gradients that are not row-major; made when the first comes.
    var gradientCopy: UnsafeMutableRawPointer?

    var byteCount: Int { layout.shape.reduce(elementSize, *) }
  }

  private var entries: [Entry]
  private let areStrided: Bool
  /// Whether they lie where nothing can be copied from here.
  private let areRowMajor: Bool
  /// What the optimizer updates.
  let parameters: [Parameter]
  private var gradients: [UnsafeRawPointer?]

  /// - Parameter areRowMajor: whether they must be, since they cannot be copied here.
  init(_ span: optplug_span, areRowMajor: Bool) throws {
    var (entries, parameters): ([Entry], [Parameter]) = ([], [])
    // What a failure leaves behind.
    var copies: [UnsafeMutableRawPointer] = []
    do {
      for i in 0..<Int(span.count) {
        let (parameter, layout) = try Self.read(span, i)
        guard layout.isRowMajor || !areRowMajor else {
          throw HostError.argument(
            "parameters: '\(parameter.name)' lies on a GPU and has the strides \(layout.strides); only row-major ones "
              + "can be trained there")
        }
        let copy =
          layout.isRowMajor
          ? nil : try Self.memory(parameter.count * parameter.dtype.size, for: parameter.name)
        if let copy { copies.append(copy) }
        entries.append(
          Entry(
            name: parameter.name, layout: layout, elementSize: parameter.dtype.size, data: parameter.values,
            copy: copy))
        parameters.append(
          Parameter(
            name: parameter.name, shape: parameter.shape, dtype: parameter.dtype,
            values: copy ?? parameter.values, group: parameter.group))
      }
    } catch {
      for copy in copies { free(copy) }
      throw error
    }
    self.entries = entries
    self.parameters = parameters
    areStrided = !copies.isEmpty
    self.areRowMajor = areRowMajor
    gradients = Array(repeating: nil, count: entries.count)
    gather()
  }

  deinit {
    for entry in entries {
      free(entry.copy)
      free(entry.gradientCopy)
    }
  }

  var count: Int { entries.count }

  /// Memory that `free` gives back.
  /// - Throws: `HostError` when there is not enough.
  private static func memory(_ byteCount: Int, for name: String) throws -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 64, max(1, byteCount)) == 0, let memory else {
      throw HostError(
        status: OPTPLUG_RESOURCE_EXHAUSTED,
        description:
          "parameters: no memory for a copy of '\(name)', which is not row-major (\(byteCount >> 20) MiB)")
    }
    return memory
  }

  private static func read(_ span: optplug_span, _ i: Int) throws -> (Parameter, Layout) {
    let raw = try element(span, i, optplug_host_parameter.self, least: OPTPLUG_HOST_PARAMETER_SIZE_1_0)
    guard let name = raw.name.flatMap({ String(validatingCString: $0) }) else {
      throw HostError.argument("parameters: number \(i) has no name, or one that is no UTF-8")
    }
    guard let dtype = DType(code: raw.dtype.code, bits: raw.dtype.bits, lanes: raw.dtype.lanes),
      [.float32, .float64, .float16, .bfloat16].contains(dtype)
    else {
      throw HostError.argument(
        "parameters: '\(name)' is of dtype {\(raw.dtype.code), \(raw.dtype.bits), \(raw.dtype.lanes)}; only float32, "
          + "float64, bfloat16 and float16 can be trained, by DLPack's numbers")
    }
    guard raw.ndim <= 64, raw.ndim == 0 || raw.shape != nil else {
      throw HostError.argument("parameters: '\(name)' has \(raw.ndim) axes without a shape, or more than 64")
    }
    let shape = (0..<Int(raw.ndim)).map { Int(raw.shape[$0]) }
    guard shape.allSatisfy({ $0 >= 0 }) else {
      throw HostError.argument("parameters: '\(name)' has the impossible shape \(shape)")
    }
    let layout = try Layout(shape: shape, strides: raw.strides, of: name)
    return (
      Parameter(
        name: name, shape: shape, dtype: dtype, values: try place(raw.data, of: layout, named: name),
        group: Int(raw.group)),
      layout
    )
  }

  /// Where a tensor lies. Nobody reads an empty one, but it needs an address.
  private static func place(_ data: UnsafeMutableRawPointer?, of layout: Layout, named name: String) throws
    -> UnsafeMutableRawPointer
  {
    guard let place = data ?? (layout.isEmpty ? UnsafeMutableRawPointer(bitPattern: 64) : nil) else {
      throw HostError.argument("parameters: '\(name)' has no data")
    }
    return place
  }

  /// Takes the trainer's values into the copies.
  func gather() { copyStrided(gathers: true) }

  /// Writes the copies back.
  func scatter() { copyStrided(gathers: false) }

  private func copyStrided(gathers: Bool) {
    guard areStrided else { return }
    for entry in entries {
      if let copy = entry.copy {
        entry.layout.copy(entry.data, copy, elementSize: entry.elementSize, gathers: gathers)
      }
    }
  }

  /// The gradients, row-major.
  /// - Throws: `HostError`.
  func gathered(
    _ given: UnsafePointer<UnsafeRawPointer?>, _ strides: UnsafePointer<UnsafePointer<Int64>?>?
  ) throws -> [UnsafeRawPointer?] {
    for i in gradients.indices { gradients[i] = given[i] }
    guard let strides else { return gradients }
    for i in gradients.indices {
      guard let own = strides[i], let gradient = gradients[i] else { continue }
      let layout = try Layout(gradient: entries[i].layout.shape, strides: own, of: entries[i].name)
      guard !layout.isRowMajor else { continue }
      guard !areRowMajor else {
        throw HostError.argument(
          "gradients: that of '\(entries[i].name)' lies on a GPU and has the strides \(layout.strides); hand in a "
            + "row-major copy")
      }
      let copy = try entries[i].gradientCopy ?? Self.memory(entries[i].byteCount, for: entries[i].name)
      entries[i].gradientCopy = copy
      layout.copy(
        UnsafeMutableRawPointer(mutating: gradient), copy, elementSize: entries[i].elementSize, gathers: true)
      gradients[i] = UnsafeRawPointer(copy)
    }
    return gradients
  }

  /// Takes note that a tensor lies elsewhere.
  /// - Returns: where it is now for the optimizer; nil when that goes on seeing the copy.
  func move(_ i: Int, to data: UnsafeMutableRawPointer?) throws -> UnsafeMutableRawPointer? {
    entries[i].data = try Self.place(data, of: entries[i].layout, named: entries[i].name)
    return entries[i].copy == nil ? entries[i].data : nil
  }
}

/// An element of a span that must have at least the fields of 1.0.
func element<T>(_ span: optplug_span, _ i: Int, _: T.Type, least: UInt32) throws -> T {
  guard let data = span.data, span.stride >= least, span.stride % 8 == 0 else {
    throw HostError.argument(
      "an array of \(T.self) has no data, or elements of \(span.stride) bytes; its stride is sizeof")
  }
  let place = data + i * Int(span.stride)
  let size = place.load(as: UInt32.self)
  guard size >= least else {
    throw HostError.argument("the struct_size of \(T.self) \(i) is \(size); set it to sizeof")
  }
  return place.load(as: T.self)
}
