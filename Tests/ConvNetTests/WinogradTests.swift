// Convolutions by Winograd's algorithm against the definition in double precision, all three passes.

import COneDNN
import CImageLoops
import Foundation
import Testing

@testable import ConvNet

/// A convolution that is computed so, with edges where tiles hang over.
struct FastConvolution: Sendable, CustomStringConvertible {
  var images = 2
  var inputs = 32
  var outputs = 64
  var height = 9
  var width = 13
  var window: Int
  var padding: Int

  var description: String {
    "\(images)x\(inputs)x\(height)x\(width) to \(outputs), window \(window), padding \(padding)"
  }

  var geometry: Window { Window(size: window, stride: 1, padding: padding) }
  var inputShape: [Int] { [images, inputs, height, width] }
  var weightShape: [Int] { [outputs, inputs, window, window] }
  var outputShape: [Int] { [images, outputs, geometry.output(height), geometry.output(width)] }

  func plan(_ pass: WinogradPlan.Pass, _ loops: optplug_image_loops) -> WinogradPlan? {
    WinogradPlan(
      pass, input: inputShape, weight: weightShape, output: outputShape, window: geometry, loops: loops)
  }
}

/// Loops for vectors of one length.
enum VectorLength: Sendable, CaseIterable {
  case avx2
  case avx512

  /// Those that this processor has, and oneDNN may use.
  static let found = allCases.filter {
    dnnl_get_effective_cpu_isa().rawValue
      >= ($0 == .avx2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_avx512_core).rawValue
  }

  var loops: optplug_image_loops? {
    (self == .avx2 ? optplug_image_loops_avx2() : optplug_image_loops_avx512())?.pointee
  }
  var tag: dnnl_format_tag_t { self == .avx2 ? dnnl_nChw8c : dnnl_nChw16c }
}

@Suite struct WinogradTests {
  static let cases = [
    FastConvolution(window: 3, padding: 1), FastConvolution(window: 3, padding: 0),
    FastConvolution(window: 3, padding: 2),
    FastConvolution(images: 1, inputs: 64, outputs: 32, height: 4, width: 4, window: 3, padding: 1),
    // Several lots of tiles; more input channels than are multiplied at a time; sums too large for one set a thread.
    FastConvolution(images: 7, inputs: 32, outputs: 32, height: 20, width: 17, window: 3, padding: 1),
    FastConvolution(images: 1, inputs: 272, outputs: 32, height: 7, width: 6, window: 3, padding: 1),
    FastConvolution(inputs: 128, outputs: 160, height: 5, width: 6, window: 3, padding: 1),
    FastConvolution(inputs: 48, height: 14, width: 14, window: 5, padding: 0),
    FastConvolution(window: 5, padding: 2),
  ]

  @Test(arguments: cases) func allPassesAreThoseOfTheDefinition(_ c: FastConvolution) throws {
    let (input, weight) = (values(1, c.inputShape), values(2, c.weightShape))
    let (bias, upstream) = (values(3, [c.outputs]), values(4, c.outputShape))
    let output = convolve(input, weight, bias: bias.values, stride: 1, padding: c.padding)
    let exact = slopes(input, weight, upstream, padding: c.padding)
    let biases = (0..<c.outputs).map { channel in
      (0..<c.images).reduce(0.0) { sum, image in
        let plane = c.outputShape[2] * c.outputShape[3]
        let start = (image * c.outputs + channel) * plane
        return upstream.values[start..<start + plane].reduce(sum, +)
      }
    }
    let direct = try direct(c)
    for (length, threads) in VectorLength.found.flatMap({ [($0, 1), ($0, 2)] }) {
      let found = try passes(c, length, threads: threads)
      #expect(!found[0].isEmpty && !found[2].isEmpty && !found[3].isEmpty)
      for (place, exact) in [output.values, exact.input, exact.weight, biases].enumerated() {
        let what = ["output", "input gradient", "weight gradient", "bias gradient"][place]
        if !found[place].isEmpty {
          expectClose(found[place], exact, "\(what), \(length)", than: direct[place])
        }
      }
    }
  }

  /// Output and gradients of input, weight and bias, by these loops in the layout that they know, whatever oneDNN
  /// would choose; nothing for a pass without a plan.
  private func passes(
    _ c: FastConvolution, _ length: VectorLength, threads: Int, runs: Int = 1
  ) throws -> [[Float]] {
    let loops = try #require(length.loops)
    let device = try OneDNNDevice(threads: threads)
    let program = Program(
      mode: .training, count: c.images, step: StepState(), parameters: try ParameterStore(), device: device,
      arena: try Arena())
    func given(_ stream: Int, _ shape: [Int], _ layout: any TensorLayout) throws -> Tensor {
      let numbers = values(stream, shape).values.map { Float($0) }
      let plain = program.tensor(shape, try device.plainLayout(shape))
      program.emit("values", [plain], LoopKernel { plain.floats.update(from: numbers, count: numbers.count) })
      guard let layout = layout as? OneDNNLayout else { return plain }
      return try device.reordered(plain, to: layout, layer: "values", on: program)
    }
    func kept(_ tensor: Tensor) throws -> Tensor {
      let plain = try device.plain(tensor, layer: "result", on: program)
      program.keep(plain)
      return plain
    }
    let (source, target) = (
      try device.layout(c.inputShape, length.tag), try device.layout(c.outputShape, length.tag)
    )
    let weight = try given(2, c.weightShape, try device.plainLayout(c.weightShape))
    let bias = try given(3, [c.outputs], try device.plainLayout([c.outputs]))
    let input = try given(1, c.inputShape, source)
    let upstream = try given(4, c.outputShape, target)
    var results = [Tensor?](repeating: nil, count: 4)
    func product(_ plan: WinogradPlan, _ from: Tensor, _ bias: Tensor?, _ to: Tensor) throws -> Tensor {
      let kernel = try WinogradProduct(
        plan, source: from, weight: weight, bias: bias, target: to, threads: device.threads
      ) { try device.room(floats: $0, on: program) }
      program.emit("product", kernel.tensors, kernel)
      return try kept(to)
    }
    if let plan = c.plan(.forward, loops) {
      results[0] = try product(plan, input, bias, program.tensor(c.outputShape, target))
    }
    if let plan = c.plan(.inputGradient, loops) {
      results[1] = try product(plan, upstream, nil, program.tensor(c.inputShape, source))
    }
    if let plan = c.plan(.weightGradient, loops) {
      let slopes = program.tensor(c.weightShape, try device.plainLayout(c.weightShape))
      let shifts = program.tensor([c.outputs], try device.plainLayout([c.outputs]))
      let kernel = try WinogradWeightGradient(
        plan, input: input, gradient: upstream, weight: slopes, bias: shifts, threads: device.threads
      ) { try device.room(floats: $0, on: program) }
      program.emit("weight gradient", kernel.tensors, kernel)
      (results[2], results[3]) = (try kept(slopes), try kept(shifts))
    }
    try program.plan()
    for _ in 0..<runs { try program.run() }
    return results.map { tensor in
      tensor.map { Array(UnsafeBufferPointer(start: $0.floats, count: $0.elementCount)) } ?? []
    }
  }

  /// The same by oneDNN.
  private func direct(_ c: FastConvolution) throws -> [[Float]] {
    let probe = try LayerProbe(c.inputShape, directConvolutions: true) {
      Convolution("conv", from: c.inputs, to: c.outputs, window: c.geometry, bias: true, in: $0)
    }
    probe.set("conv.weight", values(2, c.weightShape).values)
    probe.set("conv.bias", values(3, [c.outputs]).values)
    let (input, upstream) = (values(1, c.inputShape).values, values(4, c.outputShape).values)
    let found = try probe.run(input, upstream: upstream)
    return [found.output, found.gradient] + probe.store.parameters.map { Array($0.gradient) }
  }

  /// Exact in float, so that only the convolution rounds.
  private func values(_ stream: Int, _ shape: [Int]) -> Reference {
    Reference(shape, (0..<shape.reduce(1, *)).map { Double(Float(CounterFormula.uniform(stream, $0))) })
  }

  /// Lots of tiles of other sizes, other shares, and memory that was used before: the same bits. The sets of sums that
  /// threads have of their own make the gradient of the weights depend on how many there are.
  @Test(
    arguments: [
      FastConvolution(images: 5, inputs: 64, outputs: 32, height: 20, width: 17, window: 3, padding: 1),
      FastConvolution(images: 7, inputs: 160, outputs: 128, height: 32, width: 32, window: 3, padding: 1),
      FastConvolution(images: 3, inputs: 48, outputs: 64, height: 14, width: 14, window: 5, padding: 2),
    ], VectorLength.found)
  func bitsAreTheSameInEveryRun(_ c: FastConvolution, length: VectorLength) throws {
    let one = try passes(c, length, threads: 1)
    for threads in [1, 2, 3] {
      let first = try passes(c, length, threads: threads)
      #expect(first == (try passes(c, length, threads: threads, runs: 3)), "\(threads) threads")
      let hasOwnSums = c.inputs * c.outputs <= 128 * 128
      for place in [0, 1, 3] + (hasOwnSums ? [] : [2]) {
        #expect(first[place] == one[place], "\(threads) threads, result \(place)")
      }
    }
  }

  /// The loops of this processor are for the layout that oneDNN chooses on it, and for no other.
  @Test func otherLayoutsFallBackToOneDNN() throws {
    let device = try OneDNNDevice(threads: 1)
    let c = FastConvolution(window: 3, padding: 1)
    func plan(_ tag: dnnl_format_tag_t, on device: OneDNNDevice) throws -> WinogradPlan? {
      try device.winograd(
        .forward, input: c.inputShape, weight: c.weightShape, output: c.outputShape, window: c.geometry,
        layouts: device.layout(c.inputShape, OneDNNDevice.imageLoops?.tag ?? dnnl_nChw8c),
        device.layout(c.outputShape, tag))
    }
    let best = VectorLength.found.last
    for length in VectorLength.allCases {
      #expect((try plan(length.tag, on: device) != nil) == (length == best))
      #expect(try plan(length.tag, on: OneDNNDevice(threads: 1, directConvolutions: true)) == nil)
    }
    #expect(try plan(dnnl_acdb, on: device) == nil)
    let program = Program(
      mode: .training, count: c.images, step: StepState(), parameters: try ParameterStore(), device: device,
      arena: try Arena())
    let input = try device.loadImages(c.inputShape, on: program)
    let weight = program.tensor(c.weightShape, try device.plainLayout(c.weightShape))
    _ = try device.convolution(
      input, weight: weight, bias: nil, window: c.geometry, layer: "conv", on: program)
    #expect(program.operations.contains { $0.kernel is WinogradProduct } == (best != nil))
  }

  /// The error's norm: within 8 times that of oneDNN's direct sums in float32, which are the more exact the longer its
  /// vectors are, and 1e-6 of the values' where those are nearly exact (few terms).
  private func expectClose(_ found: [Float], _ exact: [Double], _ what: String, than direct: [Float]) {
    #expect(found.count == exact.count)
    func norm(_ values: some Sequence<Double>) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    func error(_ values: [Float]) -> Double { norm(zip(values, exact).lazy.map { Double($0) - $1 }) }
    let bar = max(8 * error(direct), 1e-6 * norm(exact))
    #expect(error(found) <= bar, "\(what): error \(error(found)), direct \(error(direct)), of \(norm(exact))")
    let largest = zip(found, exact).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    #expect(
      largest <= 1.5e-5 * norm(exact) / Double(exact.count).squareRoot(), "\(what): one is off by \(largest)")
  }

  /// By the definition: what each output's gradient gives each input and weight.
  private func slopes(
    _ input: Reference, _ weight: Reference, _ gradient: Reference, padding: Int
  ) -> (input: [Double], weight: [Double]) {
    var (inputs, weights) = (
      [Double](repeating: 0, count: input.values.count), [Double](repeating: 0, count: weight.values.count)
    )
    let (height, width, size) = (input.shape[2], input.shape[3], weight.shape[2])
    for n in 0..<gradient.shape[0] {
      for o in 0..<gradient.shape[1] {
        for y in 0..<gradient.shape[2] {
          for x in 0..<gradient.shape[3] {
            let slope = gradient[n, o, y, x]
            for i in 0..<input.shape[1] {
              for row in max(0, padding - y)..<min(size, height + padding - y) {
                for column in max(0, padding - x)..<min(size, width + padding - x) {
                  let place =
                    ((n * input.shape[1] + i) * height + y + row - padding) * width + x + column - padding
                  let number = ((o * input.shape[1] + i) * size + row) * size + column
                  inputs[place] += slope * weight.values[number]
                  weights[number] += slope * input.values[place]
                }
              }
            }
          }
        }
      }
    }
    return (inputs, weights)
  }

  @Test(arguments: VectorLength.found) func otherConvolutionsStayAsTheyAre(_ length: VectorLength) throws {
    let loops = try #require(length.loops)
    func plan(_ inputs: Int, _ outputs: Int, _ size: Int, _ window: Window) -> WinogradPlan? {
      let output = window.output(size)
      return WinogradPlan(
        .forward, input: [1, inputs, size, size], weight: [outputs, inputs, window.size, window.size],
        output: [1, outputs, output, output], window: window, loops: loops)
    }
    #expect(plan(64, 64, 8, Window(size: 3, stride: 1, padding: 1)) != nil)
    #expect(plan(64, 64, 8, Window(size: 3, stride: 2, padding: 1)) == nil)
    #expect(plan(64, 64, 8, Window(size: 7, stride: 1, padding: 3)) == nil)
    #expect(plan(64, 64, 8, Window(size: 1, stride: 1)) == nil)
    #expect(plan(3, 64, 8, Window(size: 3, stride: 1, padding: 1)) == nil)
    #expect(plan(64, 72, 8, Window(size: 3, stride: 1, padding: 1)) == nil)
    // One tile for 2x2 outputs computes four times as many.
    #expect(plan(64, 64, 2, Window(size: 3, stride: 1, padding: 1)) == nil)
  }
}
