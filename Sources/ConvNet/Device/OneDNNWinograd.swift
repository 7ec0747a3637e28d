// Convolutions of our own in the place of oneDNN's, where Winograd's algorithm is faster.

import COneDNN
import CWinograd

extension OneDNNDevice {
  /// Whether the loops were compiled for vectors of eight with fused multiply-add, as oneDNN's own on a processor
  /// with AVX2. With less they would lose to it; with AVX-512 oneDNN has blocks of sixteen channels.
  static let hasWinograd =
    optplug_winograd_is_compiled_for_avx2()
    && dnnl_get_effective_cpu_isa().rawValue >= dnnl_cpu_isa_avx2.rawValue

  /// The plan where the algorithm pays and `layouts`, those of oneDNN's choice, are the one that the loops know: blocks
  /// of eight channels. nil where the convolution is oneDNN's.
  func winograd(
    _ pass: WinogradPlan.Pass, input: [Int], weight: [Int], output: [Int], window: Window,
    layouts: OneDNNLayout...
  ) throws -> WinogradPlan? {
    guard Self.hasWinograd, !directConvolutions,
      let plan = WinogradPlan(pass, input: input, weight: weight, output: output, window: window)
    else { return nil }
    let (source, target) = (try layout(input, dnnl_nChw8c), try layout(output, dnnl_nChw8c))
    return layouts.allSatisfy { $0 == source || $0 == target } ? plan : nil
  }

  func room(floats: Int, on program: Program) throws -> Tensor {
    program.tensor([floats], try bytes(floats * MemoryLayout<Float>.stride))
  }
}
