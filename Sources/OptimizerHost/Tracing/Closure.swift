// Makes traced functions: code that libffi assembles while the program runs.

import CFFI

/// Where closures come from; tests put in one that has none to give.
typealias ClosureAllocator = (_ code: inout UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

enum Closure {
  /// libffi's own. Nil where the system forbids a program to make code, as some hardened ones do.
  static func allocate(_ code: inout UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    ffi_closure_alloc(MemoryLayout<ffi_closure>.size, &code)
  }

  /// Why there is no closure.
  enum Failure: Error, CustomStringConvertible {
    case signature(String)
    case unknownCall
    case forbidden
    case tooMany

    var description: String {
      switch self {
      case .signature(let text):
        "the signature '\(text)' is not of the form of OPTPLUG_EXTENSION_SIGNATURES, or newer than this host"
      case .unknownCall: "libffi cannot make calls of its type on this machine"
      case .forbidden:
        "the system does not let a program make code while it runs, which a tracer needs; where SELinux or a sandbox "
          + "forbids it, allow it for this program (SELinux: execmem), or run without the trace"
      case .tooMany: "\(Recorder.mostFunctions) functions are traced already"
      }
    }
  }

  /// Makes a function that records and passes on. It lives as long as the process.
  /// - Returns: its code.
  static func make(_ function: TracedFunction, _ allocate: ClosureAllocator) throws(Failure)
    -> UnsafeMutableRawPointer
  {
    var code: UnsafeMutableRawPointer?
    guard let closure = allocate(&code), let code else { throw .forbidden }
    let context = UnsafeMutablePointer<TracedFunction>.allocate(capacity: 1)
    context.initialize(to: function)
    let status = ffi_prep_closure_loc(
      closure.assumingMemoryBound(to: ffi_closure.self), function.interface, handler, context, code)
    guard status == FFI_OK else {
      context.deallocate()
      ffi_closure_free(closure)
      throw .unknownCall
    }
    return code
  }

  private static let handler: cffi_handler = { _, result, arguments, context in
    guard let arguments, let context else { return }
    TracedFunction.call(context.assumingMemoryBound(to: TracedFunction.self), result, arguments)
  }
}
