// One GPU: its context, its memory, and the kernels that were compiled for it.

import BasicFoundation

/// A GPU in its primary context, which CUDA's runtime, and so PyTorch, uses too.
final class CUDADevice: @unchecked Sendable {
  let driver: CUDADriver
  private let compiler: NVRTC
  private let context: CUDADriver.Context
  /// "sm_90".
  private let target: String
  private let cache: ProgramCache
  private let lock = Lock()
  private var functions: [String: CUDADriver.Function] = [:]

  private static let registry = Lock()
  // Guarded by `registry`.
  nonisolated(unsafe) private static var known: [String: CUDADevice] = [:]

  /// The GPU of a number, as the driver counts those that CUDA_VISIBLE_DEVICES leaves.
  /// - Parameter cache: where kernels are kept.
  /// - Throws: `OptimizerError.gpu` when it cannot be used.
  static func device(_ number: Int, cache: ProgramCache) throws -> CUDADevice {
    try registry.withLock {
      let key = "\(number) \(cache.folder ?? "")"
      if let device = known[key] { return device }
      let device = try CUDADevice(number, cache)
      known[key] = device
      return device
    }
  }

  private init(_ number: Int, _ cache: ProgramCache) throws {
    self.cache = cache
    let (driver, compiler) = (try CUDADriver.shared.get(), try NVRTC.shared.get())
    (self.driver, self.compiler) = (driver, compiler)
    func attribute(_ attribute: Int32) throws -> Int {
      var value: Int32 = 0
      guard driver.deviceAttribute(&value, attribute, Int32(clamping: number)) == 0 else {
        throw OptimizerError.gpu("there is no GPU \(number)")
      }
      return Int(value)
    }
    // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
    target = try compiler.target(for: 10 * attribute(75) + attribute(76))
    var context: CUDADriver.Context?
    guard driver.primaryContext(&context, Int32(number)) == 0, let context else {
      throw OptimizerError.gpu("GPU \(number) has no context left; is another process using it alone?")
    }
    self.context = context
  }

  /// Runs `body` with this GPU as the thread's own.
  func use<R>(_ body: () throws -> R) throws -> R {
    try driver.check(driver.pushContext(context), "cuCtxPushCurrent")
    defer {
      var popped: CUDADriver.Context?
      _ = driver.popContext(&popped)
    }
    return try keepingFloatingPointMode(body)
  }

  /// The kernel `optplug_program` of a source, compiled at most once for a machine.
  /// - Throws: `OptimizerError.gpu`, `device`.
  func function(_ source: String) throws -> CUDADriver.Function {
    try lock.withLock {
      if let function = functions[source] { return function }
      let key = "\(target), NVRTC \(compiler.version)\n\(source)"
      let file = try cache.file(key, suffix: target.hasPrefix("sm_") ? ".cubin" : ".ptx") { path in
        try Data(compiler.compile(source, target: target)).write(to: URL(fileURLWithPath: path))
      }
      var module: CUDADriver.Module?
      try Data(contentsOf: URL(fileURLWithPath: file)).withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { throw OptimizerError.gpu("NVRTC made an empty kernel") }
        try driver.check(driver.loadModule(&module, start), "cuModuleLoadData")
      }
      var function: CUDADriver.Function?
      try driver.check(driver.getFunction(&function, module, "optplug_program"), "cuModuleGetFunction")
      guard let function else { throw OptimizerError.device("cuModuleGetFunction", problem: "no function") }
      functions[source] = function
      return function
    }
  }
}

/// Memory of a GPU, or of the host where the GPU reads it fast, given back with the object.
final class CUDAMemory {
  enum Kind {
    case device
    /// Pinned.
    case host
  }

  private let device: CUDADevice
  private let kind: Kind
  /// In the GPU's memory; 0 for the host's.
  private(set) var address: CUDADriver.Address = 0
  /// In the host's memory; nil for the GPU's.
  private(set) var pointer: UnsafeMutableRawPointer?
  let byteCount: Int

  /// To be made with the device in use.
  /// - Throws: `OptimizerError.device` when there is not enough.
  init(_ kind: Kind, byteCount: Int, _ device: CUDADevice) throws {
    (self.kind, self.device, self.byteCount) = (kind, device, byteCount)
    let driver = device.driver
    switch kind {
    case .device: try driver.check(driver.allocate(&address, max(1, byteCount)), "cuMemAlloc")
    // Portable: for all contexts.
    case .host: try driver.check(driver.allocateHost(&pointer, max(1, byteCount), 1), "cuMemHostAlloc")
    }
  }

  /// The driver waits until nothing uses the memory any more.
  deinit {
    try? device.use {
      try device.driver.relaxed {
        _ = kind == .device ? device.driver.free(address) : device.driver.freeHost(pointer)
      }
    }
  }
}
