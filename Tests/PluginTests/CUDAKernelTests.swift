// The kernels that the host writes, run on the CPU: indices, vectors and tails, and every bit of every step.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct CUDAKernelTests {
  private static let trees = [
    "sgd(lr=0.1)", "sgd(lr=0.1, momentum=0.9, nesterov=true)", "adam(amsgrad=true)", "lion(weight_decay=0.1)",
    "rmsprop(momentum=0.9, centered=true)", "radam(beta2=0.8)", "lookahead(k=2, adamw)",
    "lookahead(k=2, alpha=0, adamw)", "schedulefree(warmup_steps=3, adamw(beta1=0))",
  ]

  /// Runs a program as a kernel on the CPU.
  static func execute(_ launch: Fusion.Launch, _ streams: [UnsafeMutableRawPointer], _ count: Int) throws {
    try Kernel(launch.program, launch.parameterType).run(launch, streams, 0..<count)
  }

  @Test(arguments: trees) func sameBits(expression: String) throws {
    try expectSameBits(expression, Float.self)
    try expectSameBits(expression, Double.self)
  }

  private func expectSameBits<T: BitPatterned>(_ expression: String, _: T.Type) throws {
    let count = 2 * FusedProgram.cudaChunk + 1907
    let start: [T] = mixedValues(stream: 1, count: count)
    let (plain, fused) = (
      try Training(expression, [Tensor("w", start)]), try Training(expression, [Tensor("w", start)])
    )
    let fusion = try Fusion(fused.optimizer)
    for number in 1...5 {
      let gradient = Tensor<T>("g", mixedValues(stream: 10 + number, count: count))
      try plain.step([gradient.values])
      try fused.optimizer.step(gradients: [gradient.pointer], by: fusion) { launch, streams, count in
        let kernel = try Kernel(launch.program, launch.parameterType)
        // The second part is longer than a block, and its streams are not aligned for vectors.
        try kernel.run(launch, streams, 0..<4801)
        try kernel.run(launch, streams, 4801..<count)
      }
      #expect(bits(fused) == bits(plain), "\(expression), step \(number)")
      #expect(fused.optimizer.state() == plain.optimizer.state(), "\(expression), step \(number)")
    }
  }

  /// Parameters and gradients of 16 bits, against the host's own way with masters.
  @Test(arguments: ["lookahead(k=2, adamw)", "sgd(lr=0.1, momentum=0.9)"], [DType.bfloat16, .float16])
  func halves(expression: String, dtype: DType) throws {
    let count = FusedProgram.cudaChunk + 77
    let first = Halves(dtype, mixedValues(stream: 1, count: count))
    let second = Halves(dtype, mixedValues(stream: 1, count: count))
    let plain = try Optimizer(
      expression, registry: BuildProducts.registry(), parameters: [first.parameter("w")])
    let other = try Optimizer(
      expression, registry: BuildProducts.registry(), parameters: [second.parameter("w")])
    let fusion = try Fusion(other)
    for number in 1...5 {
      let gradient = Halves(dtype, mixedValues(stream: 10 + number, count: count))
      try plain.step(gradients: [UnsafeRawPointer(gradient.bits)])
      try other.step(gradients: [UnsafeRawPointer(gradient.bits)], by: fusion, allowsMasters: true) {
        launch, streams, count in
        // The first stream is the optimizer's own master.
        let rounded = launch.program.writesParameter ? [UnsafeMutableRawPointer(second.bits)] : []
        let kernel = try Kernel(launch.program, launch.parameterType)
        try kernel.run(launch, streams + rounded, 0..<33)
        try kernel.run(launch, streams + rounded, 33..<count)
      }
      #expect(first.values == second.values, "\(expression), \(dtype), step \(number)")
    }
  }
}

/// Numbers of 16 bits.
private final class Halves {
  let dtype: DType
  let count: Int
  let bits: UnsafeMutablePointer<UInt16>

  init(_ dtype: DType, _ values: [Float]) {
    self.dtype = dtype
    count = values.count
    bits = .allocate(capacity: count)
    for (i, value) in values.enumerated() {
      bits[i] = dtype == .bfloat16 ? UInt16(value.bitPattern >> 16) : Self.half(value)
    }
  }

  deinit { bits.deallocate() }

  var values: [UInt16] { Array(UnsafeBufferPointer(start: bits, count: count)) }

  func parameter(_ name: String) -> Parameter {
    Parameter(name: name, shape: [count], dtype: dtype, values: UnsafeMutableRawPointer(bits))
  }

  /// A half near a value in (-1, 1): any will do.
  private static func half(_ value: Float) -> UInt16 {
    let scaled = (abs(value) * 1024).rounded(.down)
    guard scaled > 0 else { return 0 }
    let exponent = Int(scaled.exponent)
    let mantissa = UInt16(scaled.significandBitPattern >> 13)
    return (value < 0 ? 0x8000 : 0) | UInt16(exponent - 10 + 15) << 10 | mantissa
  }
}

/// A kernel's source, compiled for this machine.
private struct Kernel {
  private typealias Launch =
    @convention(c) (UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer, UInt32) -> Void

  private let launch: Launch
  private let size: Int

  private static let known = Locked<[String: Launch]>([:])

  init(_ program: FusedProgram, _ dtype: DType) throws {
    let source = program.cuda(dtype)
    size = dtype == .bfloat16 || dtype == .float16 ? 2 : dtype.size
    if let known = Self.known.withLock({ $0[source] }) {
      launch = known
      return
    }
    // Two instructions of the device for which C++ has other words.
    let portable =
      source
      .replacingOccurrences(of: #"asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));"#, with: "y = from_half(x);")
      .replacingOccurrences(
        of: #"asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));"#, with: "y = to_half(x);")
    let text = """
      #include "\(Repository.file("Tests/PluginTests/Fixtures/cuda_on_cpu.hpp").path)"
      \(portable)
      extern "C" void launch(const void *segments, const void *chunks, const void *k, unsigned blocks) {
        for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++)
          for (threadIdx.x = 0; threadIdx.x < \(FusedProgram.cudaThreads); threadIdx.x++)
            optplug_program((const segment *)segments, (const chunk *)chunks, (const constants *)k);
      }
      """
    let folder = try TemporaryFolder()
    let file = try folder.write("kernel.cpp", text.utf8)
    try Compiler("c++").run(
      [
        // A vector at an address that is not one's ends the test.
        "-fsanitize=alignment", "-fsanitize-undefined-trap-on-error",
        "-std=c++17", "-O2", "-ffp-contract=off", "-march=native", "-shared", "-fPIC", "-o",
        folder.path("kernel.so"), file,
      ])
    let handle = try #require(dlopen(folder.path("kernel.so"), RTLD_NOW | RTLD_LOCAL))
    launch = unsafeBitCast(try #require(dlsym(handle, "launch")), to: Launch.self)
    Self.known.withLock { [launch] in $0[source] = launch }
  }

  /// Updates a range of elements, as the second of two tensors of which the first has none.
  func run(_ step: Fusion.Launch, _ streams: [UnsafeMutableRawPointer], _ range: Range<Int>) throws {
    let wide = step.dtype.size
    let narrow = size == 2
    var words: [UInt64] = Array(repeating: 0, count: streams.count + 1)
    for (i, stream) in streams.enumerated() {
      let isNarrow =
        narrow
        && (i == 1 && step.program.readsGradient || i == streams.count - 1 && step.program.writesParameter)
      words.append(UInt64(UInt(bitPattern: stream + range.lowerBound * (isNarrow ? 2 : wide))))
    }
    words.append(UInt64(range.count))
    let chunks = (range.count + FusedProgram.cudaChunk - 1) / FusedProgram.cudaChunk
    // The blocks in another order: none may depend on another.
    let parts: [UInt32] = (0..<UInt32(chunks)).reversed().flatMap { [1, $0] as [UInt32] }
    if wide == 8 {
      launch(words, parts, step.constants + [0.0], UInt32(chunks))
    } else {
      launch(words, parts, step.constants.map { Float($0) } + [Float(0)], UInt32(chunks))
    }
  }
}
