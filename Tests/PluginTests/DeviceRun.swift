// The same training twice: on the host by the plugins' code, and on a GPU that is none by kernels.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// Bytes in the memory of the stand-in of a GPU.
final class DeviceBytes {
  let pointer: UnsafeMutableRawPointer
  private let memory: UnsafeMutableRawPointer
  private let count: Int
  private let gpu: FakeCUDA

  /// - Parameter shift: bytes from the start of the memory, so that vectors may not be aligned.
  init(_ bytes: [UInt8], _ gpu: FakeCUDA, shift: Int = 0) {
    (count, self.gpu) = (bytes.count, gpu)
    memory = gpu.allocate(bytes.count + shift)
    pointer = memory + shift
    write(bytes)
  }

  deinit { gpu.free(memory) }

  func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { gpu.copy(to: pointer, from: $0.baseAddress!, count) }
  }

  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: max(1, count))
    bytes.withUnsafeMutableBytes { gpu.copy(to: $0.baseAddress!, from: pointer, count) }
    return Array(bytes.prefix(count))
  }
}

/// An optimizer on the host, and one of the same expression on the GPU, over tensors of the same values.
final class DeviceRun {
  let plain, remote: Optimizer
  let session: CUDASession
  let gpu: FakeCUDA
  private let dtype: DType
  private let counts: [Int]
  private let host: [UnsafeMutableRawPointer]
  private(set) var device: [DeviceBytes]
  private var state: [(array: StateArray, memory: DeviceBytes)] = []
  private(set) var steps = 0
  /// Gradients in the GPU's memory, in fixed places.
  private var gradients: [DeviceBytes]

  static let shapes = [[5], [FusedProgram.cudaChunk + 1907], [0], [1], [17, 3], [64]]

  init(
    _ expression: String, _ dtype: DType, shapes: [[Int]] = DeviceRun.shapes, groups groupCount: Int = 2,
    number: Int = 0
  ) throws {
    let gpu = try FakeCUDA.shared.get()
    (self.gpu, self.dtype) = (gpu, dtype)
    counts = shapes.map { $0.reduce(1, *) }
    let starts = counts.enumerated().map { i, count in Self.numbers(i, count, dtype) }
    // One tensor lies where no vector is aligned.
    let device = starts.enumerated().map { i, bytes in DeviceBytes(bytes, gpu, shift: i == 4 ? dtype.size : 0)
    }
    self.device = device
    gradients = starts.map { DeviceBytes($0, gpu) }
    let host = starts.map { bytes in
      let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
      memory.copyMemory(from: bytes, byteCount: bytes.count)
      return memory
    }
    self.host = host
    func parameters(_ place: (Int) -> UnsafeMutableRawPointer) -> [Parameter] {
      shapes.enumerated().map { i, shape in
        Parameter(name: "t\(i)", shape: shape, dtype: dtype, values: place(i), group: i % groupCount)
      }
    }
    let groups = (0..<groupCount).map { group in
      ParameterGroup(name: "\(group)", settings: group == 1 ? [(name: "lr", value: "0.02")] : [])
    }
    let tree = try OptimizerExpression(parsing: expression)
    plain = try Optimizer(
      tree, registry: BuildProducts.registry(), parameters: parameters { host[$0] }, groups: groups)
    remote = try Optimizer(
      tree, registry: BuildProducts.registry(), parameters: parameters { device[$0].pointer }, groups: groups,
      isOnDevice: true)
    session = try CUDASession(remote, device: number, cache: ProgramCache(folder: gpu.cache))
  }

  deinit { for memory in host { memory.deallocate() } }

  /// Gives the state its memory, full of what it must not keep.
  func placeState() throws {
    for array in remote.stateArrays() where remote.liesOnDevice(array) {
      let size = array.shape.reduce(array.dtype.size, *)
      let memory = DeviceBytes(Array(repeating: 0x5A, count: size), gpu)
      try session.move(array, to: memory.pointer)
      state.append((array, memory))
    }
  }

  private static func numbers(_ stream: Int, _ count: Int, _ dtype: DType) -> [UInt8] {
    switch dtype {
    case .float64: (mixedValues(stream: stream, count: count) as [Double]).flatMap(bytes)
    case .float32: (mixedValues(stream: stream, count: count) as [Float]).flatMap(bytes)
    case .bfloat16:
      (mixedValues(stream: stream, count: count) as [Float]).flatMap { bytes(UInt16($0.bitPattern >> 16)) }
    // Between 1/64 and 4, of either sign.
    default:
      (0..<count).flatMap { i in
        let random = splitMix(UInt64(stream) << 32 ^ UInt64(i))
        return bytes(UInt16(random & 0x83FF) | UInt16(9 + random >> 40 % 8) << 10)
      }
    }
  }

  private static func bytes<T>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

  /// The next step of both: `step` takes that of the GPU, with the gradients that are in their places.
  func step(absent: Set<Int> = [], scale: Double = 1, on step: ([UnsafeRawPointer?]) throws -> Void) throws {
    steps += 1
    let values = counts.enumerated().map { i, count in Self.numbers(1000 + 16 * steps + i, count, dtype) }
    for (memory, bytes) in zip(gradients, values) { memory.write(bytes) }
    try step(gradients.enumerated().map { absent.contains($0) ? nil : UnsafeRawPointer($1.pointer) })
    let copies = values.map { bytes in
      let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
      memory.copyMemory(from: bytes, byteCount: bytes.count)
      return memory
    }
    defer { for memory in copies { memory.deallocate() } }
    try plain.step(
      gradients: copies.enumerated().map { absent.contains($0) ? nil : UnsafeRawPointer($1) },
      gradientScale: scale)
  }

  /// The next step, on the GPU by a step of the session's.
  func step(absent: Set<Int> = [], scale: Double = 1) throws {
    try step(absent: absent, scale: scale) { try session.step(gradients: $0, gradientScale: scale) }
  }

  /// Gradients in other places from now on.
  func moveGradients() { gradients = gradients.map { DeviceBytes($0.bytes, gpu) } }

  /// Parameters in other places from now on.
  func moveParameters() throws {
    device = device.map { DeviceBytes($0.bytes, gpu) }
    for (i, memory) in device.enumerated() {
      try remote.move(parameter: i, to: memory.pointer)
    }
    session.parametersHaveMoved()
  }

  func expectSameBits(_ comment: String) throws {
    for (i, memory) in device.enumerated() {
      let values = Array(UnsafeRawBufferPointer(start: host[i], count: counts[i] * dtype.size))
      #expect(memory.bytes == values, "\(comment), t\(i) after step \(steps)")
    }
    let saved = Dictionary(uniqueKeysWithValues: plain.state().map { ($0.name, $0.bytes) })
    let paths = remote.nodeFacts().map(\.path)
    for (array, memory) in state {
      let path = array.kind == .master ? "" : paths[array.node]
      let name = "t\(array.parameter ?? 0)/\(path)\(array.name)"
      #expect(memory.bytes == saved[name], "\(comment), \(name) after step \(steps)")
    }
    #expect(remote.stepCount == plain.stepCount)
    #expect(remote.counters().parameterSteps == plain.counters().parameterSteps)
  }
}
