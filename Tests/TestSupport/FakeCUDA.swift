// A GPU that is none: stand-ins for CUDA's driver and NVRTC, compiled and loaded before the host looks for them.

import Foundation

/// The stand-in of the driver (Tests/FakeCUDA), loaded in this process under the real one's name.
public final class FakeCUDA: @unchecked Sendable {
  private let driver: UnsafeMutableRawPointer
  /// For kernels that the stand-in of the compiler made.
  public let cache: String

  /// Made once; it says why when there is no C++ compiler.
  public static let shared = Result { try FakeCUDA() }

  private init() throws {
    let folder = CPlugin.folder.appendingPathComponent("cuda")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    cache = folder.appendingPathComponent("cache").path
    func load(_ source: String, as name: String) throws -> UnsafeMutableRawPointer {
      let library = folder.appendingPathComponent(name).path
      let header = Repository.file("Tests/FakeCUDA/cuda_on_cpu.hpp").path
      try Compiler("c++").run([
        "-std=c++17", "-O1", "-shared", "-fPIC", "-DHEADER=\"\(header)\"", "-Wl,-soname,\(name)", "-o",
        library,
        Repository.file("Tests/FakeCUDA/\(source).cpp").path, "-ldl",
      ])
      guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
        throw CPlugin.Failure.rejected(source: source, messages: dlerror().map { String(cString: $0) } ?? "")
      }
      return handle
    }
    driver = try load("driver", as: "libcuda.so.1")
    _ = try load("nvrtc", as: "libnvrtc.so.13")
    call("fake_run_late", 1)
  }

  private func function<F>(_ name: String, as _: F.Type = F.self) -> F {
    guard let symbol = dlsym(driver, name) else { preconditionFailure("the stand-in has no \(name)") }
    return unsafeBitCast(symbol, to: F.self)
  }

  private func call(_ name: String, _ argument: Int32) {
    function(name, as: (@convention(c) (Int32) -> Void).self)(argument)
  }

  /// Memory of the GPU, which ends the process when the host touches it.
  public func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let address = function("fake_allocate", as: (@convention(c) (Int) -> UInt).self)(max(1, byteCount))
    return UnsafeMutableRawPointer(bitPattern: address)!
  }

  /// Waits for the GPU, and takes memory back that `allocate` gave.
  public func free(_ memory: UnsafeMutableRawPointer) {
    function("fake_free", as: (@convention(c) (UInt) -> Void).self)(UInt(bitPattern: memory))
  }

  /// Waits for the GPU, and copies from or into its memory.
  public func copy(to target: UnsafeMutableRawPointer, from source: UnsafeRawPointer, _ byteCount: Int) {
    function(
      "fake_copy", as: (@convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> Void).self)(
        target, source, byteCount)
  }

  /// How many kernels have run.
  public var launches: Int { Int(function("fake_launches", as: (@convention(c) () -> Int32).self)()) }

  /// How many kernels were enqueued on a stream.
  public func launches(on stream: OpaquePointer?) -> Int {
    Int(function("fake_launches_on", as: (@convention(c) (OpaquePointer?) -> Int32).self)(stream))
  }

  /// Another stream.
  public func makeStream() -> OpaquePointer? {
    function("fake_stream", as: (@convention(c) () -> OpaquePointer?).self)()
  }

  /// How many pieces of memory are given out.
  public var allocations: Int { Int(function("fake_allocations", as: (@convention(c) () -> Int32).self)()) }

  /// What this thread may do while a stream is captured; 0 is the driver's usual.
  public var captureMode: Int { Int(function("fake_capture_mode", as: (@convention(c) () -> Int32).self)()) }

  /// Lets so many launches fail.
  public func failLaunches(_ count: Int) { call("fake_fail_launches", Int32(count)) }

  /// Captures what `body` enqueues on a stream.
  /// - Returns: what replays it.
  public func capture(_ stream: OpaquePointer?, _ body: () throws -> Void) rethrows -> () -> Void {
    let begin = function("fake_begin_capture", as: (@convention(c) (OpaquePointer?) -> Void).self)
    let end = function("fake_end_capture", as: (@convention(c) (OpaquePointer?) -> OpaquePointer?).self)
    let replay = function("fake_replay", as: (@convention(c) (OpaquePointer?, OpaquePointer?) -> Void).self)
    begin(stream)
    do { try body() } catch {
      _ = end(stream)
      throw error
    }
    let graph = end(stream)
    return { replay(graph, stream) }
  }
}
