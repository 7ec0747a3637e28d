// NVIDIA's driver, found when an optimizer first works on a GPU.

import BasicFoundation

/// The functions of CUDA's driver that steps need (https://docs.nvidia.com/cuda/cuda-driver-api/).
///
/// The driver's library is loaded at run time, so that nothing of CUDA is needed to build or to train on the CPU.
struct CUDADriver: @unchecked Sendable {
  typealias Context = OpaquePointer
  typealias Module = OpaquePointer
  typealias Function = OpaquePointer
  typealias Event = OpaquePointer
  /// Nil is the default stream.
  typealias Stream = OpaquePointer
  /// A place in the GPU's memory.
  typealias Address = UInt64

  private let handle: UnsafeMutableRawPointer
  private let name: @convention(c) (Int32, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Int32

  let primaryContext: @convention(c) (UnsafeMutablePointer<Context?>, Int32) -> Int32
  let pushContext: @convention(c) (Context?) -> Int32
  let popContext: @convention(c) (UnsafeMutablePointer<Context?>) -> Int32
  let deviceAttribute: @convention(c) (UnsafeMutablePointer<Int32>, Int32, Int32) -> Int32
  let synchronize: @convention(c) () -> Int32
  let loadModule: @convention(c) (UnsafeMutablePointer<Module?>, UnsafeRawPointer) -> Int32
  let getFunction: @convention(c) (UnsafeMutablePointer<Function?>, Module?, UnsafePointer<CChar>) -> Int32
  let allocate: @convention(c) (UnsafeMutablePointer<Address>, Int) -> Int32
  let free: @convention(c) (Address) -> Int32
  let allocateHost: @convention(c) (UnsafeMutablePointer<UnsafeMutableRawPointer?>, Int, UInt32) -> Int32
  let freeHost: @convention(c) (UnsafeMutableRawPointer?) -> Int32
  let copyToDevice: @convention(c) (Address, UnsafeRawPointer?, Int, Stream?) -> Int32
  let createStream: @convention(c) (UnsafeMutablePointer<Stream?>, UInt32) -> Int32
  let destroyStream: @convention(c) (Stream?) -> Int32
  let synchronizeStream: @convention(c) (Stream?) -> Int32
  let captureStatus: @convention(c) (Stream?, UnsafeMutablePointer<Int32>) -> Int32
  let exchangeCaptureMode: @convention(c) (UnsafeMutablePointer<Int32>) -> Int32
  let createEvent: @convention(c) (UnsafeMutablePointer<Event?>, UInt32) -> Int32
  let destroyEvent: @convention(c) (Event?) -> Int32
  let recordEvent: @convention(c) (Event?, Stream?) -> Int32
  let synchronizeEvent: @convention(c) (Event?) -> Int32
  let callHost:
    @convention(c) (
      Stream?, @convention(c) (UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?
    ) -> Int32
  let launch:
    @convention(c) (
      Function?, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, Stream?,
      UnsafeMutablePointer<UnsafeMutableRawPointer?>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> Int32

  /// The newest CUDA whose code it loads, 13 for 13.0.
  let major: Int

  /// This machine's, or why there is none.
  static let shared = Result { try CUDADriver() }

  /// - Throws: `OptimizerError.gpu` when there is no driver, or one that is too old.
  private init() throws {
    let library = "libcuda.so.1"
    let handle = keepingFloatingPointMode { dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else {
      throw OptimizerError.gpu("\(library) is not found; install NVIDIA's driver, or train on the CPU")
    }
    func function<F>(_ symbol: String, _: F.Type = F.self) throws -> F {
      guard let place = dlsym(handle, symbol) else {
        throw OptimizerError.gpu("\(library) has no \(symbol); install a newer driver")
      }
      return unsafeBitCast(place, to: F.self)
    }
    self.handle = handle
    name = try function("cuGetErrorName")
    primaryContext = try function("cuDevicePrimaryCtxRetain")
    pushContext = try function("cuCtxPushCurrent_v2")
    popContext = try function("cuCtxPopCurrent_v2")
    deviceAttribute = try function("cuDeviceGetAttribute")
    synchronize = try function("cuCtxSynchronize")
    loadModule = try function("cuModuleLoadData")
    getFunction = try function("cuModuleGetFunction")
    allocate = try function("cuMemAlloc_v2")
    free = try function("cuMemFree_v2")
    allocateHost = try function("cuMemHostAlloc")
    freeHost = try function("cuMemFreeHost")
    copyToDevice = try function("cuMemcpyHtoDAsync_v2")
    createStream = try function("cuStreamCreate")
    destroyStream = try function("cuStreamDestroy_v2")
    synchronizeStream = try function("cuStreamSynchronize")
    captureStatus = try function("cuStreamIsCapturing")
    exchangeCaptureMode = try function("cuThreadExchangeStreamCaptureMode")
    createEvent = try function("cuEventCreate")
    destroyEvent = try function("cuEventDestroy_v2")
    recordEvent = try function("cuEventRecord")
    synchronizeEvent = try function("cuEventSynchronize")
    callHost = try function("cuLaunchHostFunc")
    launch = try function("cuLaunchKernel")
    let getVersion: @convention(c) (UnsafeMutablePointer<Int32>) -> Int32 = try function("cuDriverGetVersion")
    var version: Int32 = 0
    guard getVersion(&version) == 0 else {
      throw OptimizerError.gpu("\(library) does not tell its version; install a newer driver")
    }
    major = Int(version) / 1000
    let start: @convention(c) (UInt32) -> Int32 = try function("cuInit")
    let status = keepingFloatingPointMode { start(0) }
    guard status == 0 else {
      throw OptimizerError.gpu("the driver does not start (\(name(of: status))); is there an NVIDIA GPU?")
    }
  }

  /// Runs `body`, which may do on this thread what may not be captured, although a stream is.
  func relaxed<R>(_ body: () throws -> R) throws -> R {
    // CU_STREAM_CAPTURE_MODE_RELAXED
    var mode: Int32 = 2
    try check(exchangeCaptureMode(&mode), "cuThreadExchangeStreamCaptureMode")
    defer { _ = exchangeCaptureMode(&mode) }
    return try body()
  }

  /// - Throws: `OptimizerError.device` unless a function's status is CUDA_SUCCESS.
  func check(_ status: Int32, _ function: String) throws {
    guard status != 0 else { return }
    throw OptimizerError.device(function, problem: name(of: status))
  }

  private func name(of status: Int32) -> String {
    var text: UnsafePointer<CChar>?
    return name(status, &text) == 0 ? text.map { String(cString: $0) } ?? "\(status)" : "status \(status)"
  }
}
