// The loops in C for vectors of each length that the processor has: pooling against the scalar loops, the first
// convolution's weight gradient against oneDNN's.

import CImageLoops
import COneDNN
import Testing

@testable import ConvNet

@Suite struct ImageLoopsTests {
  /// Values with ties and one NaN.
  private func plane(_ count: Int, stream: Int) -> [Float] {
    var values = (0..<count).map { Float((CounterFormula.uniform(stream, $0) * 8).rounded()) / 4 }
    values[count / 3] = .nan
    return values
  }

  @Test(
    arguments: [
      Window(size: 2, stride: 2), Window(size: 3, stride: 2), Window(size: 3, stride: 2, padding: 1),
      Window(size: 3, stride: 1, padding: 1), Window(size: 5, stride: 3, padding: 2),
      Window(size: 1, stride: 2),
    ], VectorLength.found)
  func maxPoolIsThatOfTheScalarLoops(_ window: Window, length: VectorLength) throws {
    let loops = try #require(length.loops)
    let lanes = Int(loops.lanes)
    func images(_ height: Int, _ width: Int) -> BlockedImages {
      BlockedImages(images: 1, channels: lanes, blocks: 1, height: height, width: width, lanes: lanes)
    }
    let source = images(9, 11)
    let target = images(window.output(9), window.output(11))
    // Aligned, as the loops expect it.
    let room = try AlignedMemory(byteCount: 16 * (source.plane + target.plane) * 4, purpose: "test")
    var next = room.base.assumingMemoryBound(to: Float.self)
    func take(_ count: Int) -> UnsafeMutablePointer<Float> {
      defer { next += AlignedMemory.roundUp(count, to: 16) }
      return next
    }
    let (input, output, result) = (take(source.plane), take(target.plane), take(source.plane))
    let (gradient, choices) = (take(target.plane), UnsafeMutableRawPointer(take(target.plane)))
    input.update(from: plane(source.plane, stream: 1), count: source.plane)
    gradient.update(from: plane(target.plane, stream: 2), count: target.plane)
    gradient[target.plane / 3] = 1
    let places = choices.assumingMemoryBound(to: UInt8.self)

    var expected = [Float](repeating: 0, count: target.plane)
    var expectedPlaces = [UInt8](repeating: 0, count: target.plane)
    maxPoolPlane(input, source, &expected, &expectedPlaces, target, window)
    loops.max_pool(input, source.extent, output, places, target.extent, window.forC)
    #expect(
      UnsafeBufferPointer(start: output, count: target.plane).map(\.bitPattern) == expected.map(\.bitPattern))
    #expect(Array(UnsafeBufferPointer(start: places, count: target.plane)) == expectedPlaces)

    var slopes = [Float](repeating: 0, count: source.plane)
    maxPoolPlaneBackward(gradient, expectedPlaces, target, &slopes, source, window)
    loops.max_pool_gradient(gradient, places, target.extent, result, source.extent, window.forC)
    #expect(Array(UnsafeBufferPointer(start: result, count: source.plane)) == slopes)
  }

  @Test(
    arguments: [
      (1, Window(size: 5, stride: 1, padding: 2)), (3, Window(size: 3, stride: 1, padding: 1)),
      (4, Window(size: 3, stride: 1)), (2, Window(size: 5, stride: 1, padding: 3)),
    ], VectorLength.found)
  func stemGradientIsThatOfOneDNN(_ shape: (channels: Int, window: Window), length: VectorLength) throws {
    let loops = try #require(length.loops)
    let (channels, window) = shape
    let input = [5, channels, 9, 12]
    let weight = [32, channels, window.size, window.size]
    let output = [5, 32, window.output(9), window.output(12)]
    #expect(StemGradient.fits(loops, input: input, weight: weight, window: window))
    func values(_ stream: Int, _ shape: [Int]) -> [Double] {
      (0..<shape.reduce(1, *)).map { Double(Float(CounterFormula.uniform(stream, $0))) }
    }
    let probe = try LayerProbe(input, directConvolutions: true) {
      Convolution("conv", from: channels, to: 32, window: window, bias: true, in: $0)
    }
    _ = try probe.run(values(1, input), upstream: values(2, output))
    let expected = probe.store.parameters.map { Array($0.gradient) }

    for threads in [1, 2, 3] {
      let device = try OneDNNDevice(threads: threads)
      let program = Program(
        mode: .training, count: 5, step: StepState(), parameters: try ParameterStore(), device: device,
        arena: try Arena())
      func given(_ stream: Int, _ shape: [Int]) throws -> Tensor {
        let (plain, numbers) = (
          program.tensor(shape, try device.plainLayout(shape)), values(stream, shape).map { Float($0) }
        )
        program.emit(
          "values", [plain], LoopKernel { plain.floats.update(from: numbers, count: numbers.count) })
        return plain
      }
      let gradient = try device.reordered(
        given(2, output), to: device.layout(output, length.tag), layer: "values", on: program)
      let results = try [weight, [32]].map { program.tensor($0, try device.plainLayout($0)) }
      let kernel = try StemGradient(
        loops, input: given(1, input), gradient: gradient, weight: results[0], bias: results[1],
        window: window,
        threads: device.threads
      ) { try device.room(floats: $0, on: program) }
      program.emit("gradient", kernel.tensors, kernel)
      for result in results { program.keep(result) }
      try program.plan()
      // Twice: what the first run left in memory must not count.
      for _ in 0..<2 { try program.run() }
      for (result, expected) in zip(results, expected) {
        for (index, value) in expected.enumerated() {
          #expect(
            abs(result.floats[index] - value) <= 2e-5 * max(1, abs(value)), "\(threads) threads, \(index)")
        }
      }
    }
  }

  @Test(arguments: VectorLength.found) func otherConvolutionsKeepOneDNNsGradient(_ length: VectorLength)
    throws
  {
    let loops = try #require(length.loops)
    func fits(_ channels: Int, _ outputs: Int, _ window: Window, groups: Int = 1) -> Bool {
      StemGradient.fits(
        loops, input: [2, channels, 16, 16], weight: [outputs, channels / groups, window.size, window.size],
        window: window)
    }
    #expect(fits(3, 64, Window(size: 3, stride: 1)))
    #expect(!fits(3, 64, Window(size: 3, stride: 2)))
    #expect(!fits(3, 64, Window(size: 7, stride: 1)))
    #expect(!fits(5, 64, Window(size: 3, stride: 1)))
    #expect(!fits(4, 64, Window(size: 3, stride: 1), groups: 4))
    #expect(!fits(3, 12, Window(size: 3, stride: 1)))
  }
}
