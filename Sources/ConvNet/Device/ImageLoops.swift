// Loops of our own in the place of oneDNN's primitives, where they are faster and know the layout.

import CImageLoops
import COneDNN

extension OneDNNDevice {
  /// What oneDNN's blocks of channels are on this processor, and the loops that know them; nil where it has neither
  /// AVX2 nor AVX-512, or oneDNN was told not to use them.
  static let imageLoops: (tag: dnnl_format_tag_t, loops: optplug_image_loops)? = {
    let isa = dnnl_get_effective_cpu_isa().rawValue
    if isa >= dnnl_cpu_isa_avx512_core.rawValue {
      return optplug_image_loops_avx512().map { (dnnl_nChw16c, $0.pointee) }
    }
    return isa < dnnl_cpu_isa_avx2.rawValue
      ? nil : optplug_image_loops_avx2().map { (dnnl_nChw8c, $0.pointee) }
  }()

  /// The loops for images in the layout `tag`, if there are any.
  static func imageLoops(_ tag: dnnl_format_tag_t) -> optplug_image_loops? {
    imageLoops.flatMap { $0.tag == tag ? $0.loops : nil }
  }

  /// The plan where the algorithm pays and `layouts`, those of oneDNN's choice, are the one that the loops know. nil
  /// where the convolution is oneDNN's.
  func winograd(
    _ pass: WinogradPlan.Pass, input: [Int], weight: [Int], output: [Int], window: Window,
    layouts: OneDNNLayout...
  ) throws -> WinogradPlan? {
    guard !directConvolutions, let (tag, loops) = Self.imageLoops,
      let plan = WinogradPlan(
        pass, input: input, weight: weight, output: output, window: window, loops: loops)
    else { return nil }
    let (source, target) = (try layout(input, tag), try layout(output, tag))
    return layouts.allSatisfy { $0 == source || $0 == target } ? plan : nil
  }

  /// The loops for the gradient of the weights where `input` has few channels, in plain order, and oneDNN chose the
  /// layout that they know for the gradient of the output. nil where the convolution is oneDNN's.
  func stemLoops(
    _ input: Tensor, _ weight: [Int], _ slopes: OneDNNLayout, _ window: Window
  ) throws -> optplug_image_loops? {
    guard !directConvolutions, let (tag, loops) = Self.imageLoops,
      StemGradient.fits(loops, input: input.shape, weight: weight, window: window)
    else { return nil }
    let shape = [input.shape[0], weight[0], window.output(input.shape[2]), window.output(input.shape[3])]
    let (source, target) = (try layout(input.shape, dnnl_nchw), try layout(shape, tag))
    return try OneDNNLayout(of: input) == source && slopes == target ? loops : nil
  }

  func room(floats: Int, on program: Program) throws -> Tensor {
    program.tensor([floats], try bytes(floats * MemoryLayout<Float>.stride))
  }
}
