// A primitive of oneDNN as an operation of a program.

import COneDNN

/// What oneDNN chose for an operation: the implementation and its layouts.
final class PrimitiveDescriptor {
  let handle: dnnl_primitive_desc_t

  init(owning handle: dnnl_primitive_desc_t) { self.handle = handle }

  deinit { dnnl_primitive_desc_destroy(handle) }

  /// The chosen layout of an argument, or nil where the primitive has none of that kind.
  func layout(_ query: dnnl_query_t) -> OneDNNLayout? {
    guard let descriptor = dnnl_primitive_desc_query_md(handle, query, 0), descriptor.pointee.ndims > 0
    else { return nil }
    return OneDNNLayout(descriptor: descriptor.pointee)
  }

  func layout(_ query: dnnl_query_t, _ what: String, _ layer: String) throws -> OneDNNLayout {
    guard let layout = layout(query) else {
      throw ConvNetError.device(operation: "asking for the layout of \(what)", layer: layer, status: "none")
    }
    return layout
  }
}

/// One argument of a primitive: which, where, and how to read the bytes if not as the tensor says.
struct Argument {
  let index: Int32
  let tensor: Tensor
  let layout: OneDNNLayout

  init(_ index: Int32, _ tensor: Tensor, as layout: OneDNNLayout? = nil) throws {
    self.index = index
    self.tensor = tensor
    self.layout = try layout ?? OneDNNLayout(of: tensor)
  }
}

/// Executes one primitive on fixed arguments.
final class PrimitiveKernel: Kernel {
  private let name: (operation: String, layer: String)
  private let device: OneDNNDevice
  private let primitive: dnnl_primitive_t
  private let arguments: [Argument]
  private var bound: [dnnl_exec_arg_t] = []

  init(
    _ operation: String, layer: String, _ descriptor: PrimitiveDescriptor, _ arguments: [Argument],
    device: OneDNNDevice
  ) throws {
    name = (operation, layer)
    self.device = device
    self.arguments = arguments
    var primitive: dnnl_primitive_t?
    try check(dnnl_primitive_create(&primitive, descriptor.handle), operation, layer)
    guard let primitive else {
      throw ConvNetError.device(operation: operation, layer: layer, status: "no primitive")
    }
    self.primitive = primitive
  }

  deinit {
    for argument in bound { dnnl_memory_destroy(argument.memory) }
    dnnl_primitive_destroy(primitive)
  }

  func bind() throws {
    for argument in bound { dnnl_memory_destroy(argument.memory) }
    bound.removeAll(keepingCapacity: true)
    for argument in arguments {
      var memory: dnnl_memory_t?
      try withUnsafePointer(to: argument.layout.descriptor) {
        try check(
          dnnl_memory_create(&memory, $0, device.engine, argument.tensor.pointer), name.operation, name.layer)
      }
      bound.append(dnnl_exec_arg_t(arg: argument.index, memory: memory))
    }
  }

  func run() throws {
    try check(
      dnnl_primitive_execute(primitive, device.stream, Int32(bound.count), bound), name.operation, name.layer)
  }
}

extension OneDNNDevice {
  /// Asks for an implementation. `description` is the operation's descriptor struct; `hint` is the forward
  /// primitive of a backward one, made without post-operations.
  func descriptor<Description>(
    _ operation: String, layer: String, _ description: Description, hint: PrimitiveDescriptor? = nil
  ) throws -> PrimitiveDescriptor {
    var handle: dnnl_primitive_desc_t?
    try withUnsafePointer(to: description) {
      try check(
        dnnl_primitive_desc_create(&handle, UnsafeRawPointer($0), attributes, engine, hint?.handle),
        operation,
        layer)
    }
    guard let handle else {
      throw ConvNetError.device(operation: operation, layer: layer, status: "no implementation")
    }
    return PrimitiveDescriptor(owning: handle)
  }

  /// Appends a primitive to the program, with scratch memory that lives for this operation only.
  /// - Parameter products: floating-point operations of the products in it.
  func emit(
    _ operation: String, layer: String, _ descriptor: PrimitiveDescriptor, _ arguments: [Argument],
    products: Double = 0, on program: Program
  ) throws {
    var arguments = arguments
    if let scratch = descriptor.layout(dnnl_query_scratchpad_md), scratch.byteCount > 0 {
      arguments.append(
        try Argument(
          DNNL_ARG_SCRATCHPAD, program.tensor([scratch.byteCount], bytes(scratch.byteCount)),
          as: scratch))
    }
    let kernel = try PrimitiveKernel(operation, layer: layer, descriptor, arguments, device: self)
    program.emit("\(layer) \(operation)", arguments.map(\.tensor), kernel, products: products)
  }
}
