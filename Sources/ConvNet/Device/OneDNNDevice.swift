// The CPU through oneDNN: engine, stream and layouts. Its primitives are in the files beside this one.

import COneDNN

/// A memory descriptor of oneDNN.
struct OneDNNLayout: TensorLayout {
  var descriptor: dnnl_memory_desc_t

  init(descriptor: dnnl_memory_desc_t) { self.descriptor = descriptor }

  /// The layout of a tensor that this device made.
  init(of tensor: Tensor) throws {
    guard let layout = tensor.layout as? OneDNNLayout else {
      throw ConvNetError.device(
        operation: "reading a layout", layer: "a tensor of shape \(tensor.shape)",
        status: "the tensor was made by another device")
    }
    self = layout
  }

  var byteCount: Int { withUnsafePointer(to: descriptor) { dnnl_memory_desc_get_size($0) } }

  static func == (left: Self, right: Self) -> Bool {
    withUnsafePointer(to: left.descriptor) { left in
      withUnsafePointer(to: right.descriptor) { dnnl_memory_desc_equal(left, $0) != 0 }
    }
  }
}

/// oneDNN's CPU engine. Activations are in the blocked layouts that its convolutions prefer, parameters in
/// plain order; where a primitive wants something else, it gets a reordered copy that lives for that operation.
final class OneDNNDevice: Device {
  let threads: Threads
  /// Convolutions by their definition only.
  let directConvolutions: Bool
  let engine: dnnl_engine_t
  let stream: dnnl_stream_t
  /// Attributes of every primitive: scratch memory comes from the program's arena.
  let attributes: dnnl_primitive_attr_t

  init(threads: Int, directConvolutions: Bool = false) throws {
    self.directConvolutions = directConvolutions
    self.threads = Threads(count: threads)
    self.threads.prepare()
    var engine: dnnl_engine_t?
    var stream: dnnl_stream_t?
    var attributes: dnnl_primitive_attr_t?
    try check(dnnl_engine_create(&engine, dnnl_cpu, 0), "creating the engine", "the CPU")
    try check(
      dnnl_stream_create(&stream, engine, UInt32(dnnl_stream_default_flags.rawValue)),
      "creating the stream", "the CPU")
    try check(dnnl_primitive_attr_create(&attributes), "creating attributes", "the CPU")
    guard let engine, let stream, let attributes else {
      throw ConvNetError.device(operation: "start", layer: "the CPU", status: "no engine")
    }
    self.engine = engine
    self.stream = stream
    self.attributes = attributes
    try check(
      dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "setting attributes",
      "the CPU")
  }

  deinit {
    dnnl_primitive_attr_destroy(attributes)
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(engine)
  }

  func prepareThread() { threads.prepare() }

  func plainLayout(_ shape: [Int]) throws -> any TensorLayout { try layout(shape, plainTag(shape.count)) }

  func plainTag(_ dimensions: Int) -> dnnl_format_tag_t {
    // Row-major in oneDNN's spelling; ab is also OI and NF, abcd is also OIHW and NCHW.
    [dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde][dimensions - 1]
  }

  /// A layout of floats; `dnnl_format_tag_any` lets the primitive choose.
  func layout(_ shape: [Int], _ tag: dnnl_format_tag_t) throws -> OneDNNLayout {
    var descriptor = dnnl_memory_desc_t()
    let sizes = shape.map { Int64($0) }
    try check(
      dnnl_memory_desc_init_by_tag(&descriptor, Int32(shape.count), sizes, dnnl_f32, tag),
      "describing a tensor", "shape \(shape)")
    return OneDNNLayout(descriptor: descriptor)
  }

  func anyLayout(_ shape: [Int]) throws -> OneDNNLayout { try layout(shape, dnnl_format_tag_any) }

  /// Bytes without structure.
  func bytes(_ count: Int) throws -> OneDNNLayout {
    var descriptor = dnnl_memory_desc_t()
    try check(
      dnnl_memory_desc_init_by_tag(&descriptor, 1, [Int64(count)], dnnl_u8, dnnl_a), "describing memory",
      "\(count) bytes")
    return OneDNNLayout(descriptor: descriptor)
  }
}

/// Turns a status into an error.
func check(_ status: dnnl_status_t, _ operation: String, _ layer: String) throws {
  guard status != dnnl_success else { return }
  let names: [dnnl_status_t.RawValue: String] = [
    dnnl_out_of_memory.rawValue: "out of memory", dnnl_invalid_arguments.rawValue: "invalid arguments",
    dnnl_unimplemented.rawValue: "not implemented", dnnl_runtime_error.rawValue: "runtime error",
    dnnl_not_required.rawValue: "not required", dnnl_iterator_ends.rawValue: "no implementation left",
  ]
  throw ConvNetError.device(
    operation: operation, layer: layer, status: names[status.rawValue] ?? "status \(status.rawValue)")
}
