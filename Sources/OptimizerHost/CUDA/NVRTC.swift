// NVIDIA's compiler for kernels, found when an optimizer first works on a GPU.

import BasicFoundation

/// NVRTC (https://docs.nvidia.com/cuda/nvrtc/), the library that PyTorch's CUDA builds and the package
/// `nvidia-cuda-nvrtc` carry. It needs neither nvcc nor CUDA's headers.
struct NVRTC: @unchecked Sendable {
  private typealias Program = OpaquePointer
  private typealias Strings = UnsafePointer<UnsafePointer<CChar>?>
  private typealias SizeOf = @convention(c) (Program?, UnsafeMutablePointer<Int>) -> Int32
  private typealias BytesOf = @convention(c) (Program?, UnsafeMutablePointer<CChar>?) -> Int32

  private let create:
    @convention(c) (
      UnsafeMutablePointer<Program?>, UnsafePointer<CChar>, UnsafePointer<CChar>, Int32, Strings?, Strings?
    ) -> Int32
  private let compile: @convention(c) (Program?, Int32, Strings) -> Int32
  private let destroy: @convention(c) (UnsafeMutablePointer<Program?>) -> Int32
  private let logSize, cubinSize, ptxSize: SizeOf
  private let log, cubin, ptx: BytesOf
  private let describe: @convention(c) (Int32) -> UnsafePointer<CChar>?
  /// "12.8".
  let version: String
  /// As 80 for compute capability 8.0, ascending.
  let architectures: [Int]

  /// That of the environment variable OPTPLUG_NVRTC, or the newest of this machine whose code the driver loads, or why
  /// there is none. A library that the process has loaded already is found by its name, wherever it lies.
  static let shared = Result {
    try NVRTC(ProcessInfo.processInfo.environment["OPTPLUG_NVRTC"], upTo: CUDADriver.shared.get().major)
  }

  /// - Throws: `OptimizerError.gpu`.
  private init(_ named: String?, upTo major: Int) throws {
    let candidates =
      named.map { [$0] } ?? stride(from: max(12, major), through: 12, by: -1).map { "libnvrtc.so.\($0)" }
    let handle = candidates.lazy.compactMap { library in
      keepingFloatingPointMode { dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    }.first
    guard let handle else {
      throw OptimizerError.gpu(
        "NVRTC is not found (\(candidates.joined(separator: ", "))); install it, as with pip install "
          + "\(major < 13 ? "nvidia-cuda-nvrtc-cu12" : "nvidia-cuda-nvrtc"), or say in OPTPLUG_NVRTC where it is"
      )
    }
    func function<F>(_ symbol: String, _: F.Type = F.self) throws -> F {
      guard let place = dlsym(handle, symbol) else {
        throw OptimizerError.gpu("NVRTC has no \(symbol); install that of CUDA 12 or newer")
      }
      return unsafeBitCast(place, to: F.self)
    }
    create = try function("nvrtcCreateProgram")
    compile = try function("nvrtcCompileProgram")
    destroy = try function("nvrtcDestroyProgram")
    (logSize, log) = (try function("nvrtcGetProgramLogSize"), try function("nvrtcGetProgramLog"))
    (cubinSize, cubin) = (try function("nvrtcGetCUBINSize"), try function("nvrtcGetCUBIN"))
    (ptxSize, ptx) = (try function("nvrtcGetPTXSize"), try function("nvrtcGetPTX"))
    describe = try function("nvrtcGetErrorString")
    let getVersion: @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32 =
      try function("nvrtcVersion")
    let countArchitectures: @convention(c) (UnsafeMutablePointer<Int32>) -> Int32 =
      try function("nvrtcGetNumSupportedArchs")
    let getArchitectures: @convention(c) (UnsafeMutablePointer<Int32>) -> Int32 =
      try function("nvrtcGetSupportedArchs")
    var (major, minor, count) = (Int32(0), Int32(0), Int32(0))
    guard getVersion(&major, &minor) == 0, countArchitectures(&count) == 0, count > 0 else {
      throw OptimizerError.gpu("NVRTC does not tell its version; install that of CUDA 12 or newer")
    }
    var numbers = [Int32](repeating: 0, count: Int(count))
    guard getArchitectures(&numbers) == 0 else {
      throw OptimizerError.gpu("NVRTC does not tell what it compiles for; install that of CUDA 12 or newer")
    }
    version = "\(major).\(minor)"
    architectures = numbers.map(Int.init).sorted()
  }

  /// What code for a device is compiled as: for itself where this compiler knows it, else as PTX, which the driver
  /// compiles for any newer device.
  /// - Throws: `OptimizerError.gpu` for a device that is older than all it knows.
  func target(for architecture: Int) throws -> String {
    if architectures.contains(architecture) { return "sm_\(architecture)" }
    guard let older = architectures.last(where: { $0 < architecture }) else {
      throw OptimizerError.gpu(
        "NVRTC \(version) knows no device of compute capability \(architecture / 10).\(architecture % 10); "
          + "install an older one")
    }
    return "compute_\(older)"
  }

  /// Compiles a kernel's source to what the driver loads.
  /// - Throws: `OptimizerError.gpu` with the compiler's messages.
  func compile(_ source: String, target: String) throws -> [UInt8] {
    var program: Program?
    func check(_ status: Int32, _ what: String) throws {
      guard status != 0 else { return }
      let reason = describe(status).map { String(cString: $0) } ?? "status \(status)"
      throw OptimizerError.gpu("NVRTC cannot \(what): \(reason)\n\(messages(of: program))")
    }
    try check(create(&program, source, "formula.cu", 0, nil, nil), "take a kernel")
    defer { _ = destroy(&program) }
    // Nothing here may change the bits: no --use_fast_math, no --ftz.
    let options: [UnsafeMutablePointer<CChar>?] =
      ["--gpu-architecture=\(target)", "--std=c++17"].map { (option: String) in strdup(option) }
    defer { for option in options { free(option) } }
    let pointers: [UnsafePointer<CChar>?] = options.map { UnsafePointer($0) }
    let status = keepingFloatingPointMode { compile(program, Int32(pointers.count), pointers) }
    try check(status, "compile a kernel")
    let isPTX = target.hasPrefix("compute")
    var size = 0
    try check((isPTX ? ptxSize : cubinSize)(program, &size), "hand over a kernel")
    var code = [CChar](repeating: 0, count: size)
    try check((isPTX ? ptx : cubin)(program, &code), "hand over a kernel")
    return code.map { UInt8(bitPattern: $0) }
  }

  private func messages(of program: Program?) -> String {
    var size = 0
    guard logSize(program, &size) == 0, size > 1 else { return "" }
    var text = [CChar](repeating: 0, count: size)
    guard log(program, &text) == 0 else { return "" }
    return String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
