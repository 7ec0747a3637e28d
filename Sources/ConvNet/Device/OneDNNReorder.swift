// Moving elements between layouts, and into the program.

import COneDNN
import Foundation

extension OneDNNDevice {
  func loadImages(_ shape: [Int], on program: Program) throws -> Tensor {
    let images = program.tensor(shape, try plainLayout(shape))
    let step = program.step
    let kernel = LoopKernel {
      guard let source = step.images else { return }
      memcpy(images.pointer, source, images.byteCount)
    }
    program.emit("images load", [images], kernel)
    return images
  }

  func plain(_ input: Tensor, layer: String, on program: Program) throws -> Tensor {
    try reordered(input, to: layout(input.shape, plainTag(input.shape.count)), layer: layer, on: program)
  }

  func aligned(
    _ tensor: Tensor, with model: Tensor, layer: String, on program: Program
  ) throws -> Tensor {
    try reordered(tensor, to: OneDNNLayout(of: model), layer: layer, on: program)
  }

  func flatten(_ input: Tensor, layer: String, on program: Program) throws -> Tensor {
    let rows = program.tensor(rowShape(input), try plainLayout(rowShape(input)))
    // Rows of C*H*W are images in plain order.
    try reorder(input, to: rows, as: layout(input.shape, dnnl_nchw), layer: layer, on: program)
    return rows
  }

  func unflatten(_ rows: Tensor, like model: Tensor, layer: String, on program: Program) throws -> Tensor {
    let images = program.tensor(model.shape, model.layout)
    try reorder(rows, from: layout(model.shape, dnnl_nchw), to: images, layer: layer, on: program)
    return images
  }

  private func rowShape(_ images: Tensor) -> [Int] {
    [images.shape[0], images.shape.dropFirst().reduce(1, *)]
  }

  /// The tensor itself where it is in that layout already, else a copy.
  func reordered(
    _ tensor: Tensor, to wanted: OneDNNLayout, layer: String, on program: Program
  ) throws -> Tensor {
    if try OneDNNLayout(of: tensor) == wanted { return tensor }
    let copy = program.tensor(tensor.shape, wanted)
    try reorder(tensor, to: copy, layer: layer, on: program)
    return copy
  }

  func reorder(
    _ source: Tensor, from sourceLayout: OneDNNLayout? = nil, to target: Tensor,
    as targetLayout: OneDNNLayout? = nil, layer: String, on program: Program
  ) throws {
    let from = try Argument(DNNL_ARG_SRC_0, source, as: sourceLayout)
    let to = try Argument(DNNL_ARG_DST_0, target, as: targetLayout)
    var handle: dnnl_primitive_desc_t?
    try withUnsafePointer(to: from.layout.descriptor) { source in
      try withUnsafePointer(to: to.layout.descriptor) { target in
        try check(
          dnnl_reorder_primitive_desc_create(&handle, source, engine, target, engine, attributes), "reorder",
          layer)
      }
    }
    guard let handle else {
      throw ConvNetError.device(operation: "reorder", layer: layer, status: "no implementation")
    }
    try emit("reorder", layer: layer, PrimitiveDescriptor(owning: handle), [from, to], on: program)
  }
}
