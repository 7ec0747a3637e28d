// The functions of libOptPlugHost.so, found as a trainer in another language finds them.

import COptPlugHost
import Foundation
import TestSupport

/// The library of this build, loaded by its path.
enum Library {
  typealias Handle = OpaquePointer?
  typealias ErrorPlace = UnsafeMutablePointer<optplug_error>?
  typealias OnOptimizer = @convention(c) (Handle, ErrorPlace) -> optplug_status

  static let file = BuildProducts.plugin("OptPlugHost").path

  static let minor: @convention(c) () -> UInt32 = function("minor")
  static let open:
    @convention(c) (UnsafePointer<optplug_host_options>?, UnsafeMutablePointer<Handle>?, ErrorPlace) ->
      optplug_status = function("open")
  static let close: @convention(c) (Handle) -> Void = function("close")
  static let describe:
    @convention(c) (
      UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafeMutablePointer<CChar>?,
      UInt64,
      UnsafeMutablePointer<UInt64>?, ErrorPlace
    ) -> optplug_status = function("describe")
  static let look:
    @convention(c) (Handle, UnsafeMutablePointer<optplug_host_view>?, ErrorPlace) -> optplug_status =
      function("look")
  static let programProblem:
    @convention(c) (Handle, UnsafeMutablePointer<UnsafePointer<CChar>?>?, ErrorPlace) -> optplug_status =
      function("program_problem")
  static let get:
    @convention(c) (Handle, UInt32, UInt32, UnsafeMutablePointer<Double>?, ErrorPlace) -> optplug_status =
      function("get")
  static let set: @convention(c) (Handle, UInt32, UInt32, Double, ErrorPlace) -> optplug_status = function(
    "set")
  static let find:
    @convention(c) (Handle, UnsafePointer<CChar>?, UnsafeMutablePointer<UInt32>?, ErrorPlace) ->
      optplug_status = function("find")
  static let step:
    @convention(c) (Handle, UnsafeMutablePointer<optplug_host_step_arguments>?, ErrorPlace) ->
      optplug_status = function("step")
  static let enterEvaluation: OnOptimizer = function("enter_evaluation")
  static let leaveEvaluation: OnOptimizer = function("leave_evaluation")
  static let move: @convention(c) (Handle, UInt32, UnsafeMutableRawPointer?, ErrorPlace) -> optplug_status =
    function("move")
  static let moveState:
    @convention(c) (Handle, UInt32, UnsafeMutableRawPointer?, ErrorPlace) -> optplug_status =
      function("move_state")
  static let save:
    @convention(c) (Handle, UnsafeMutableRawPointer?, UInt64, UnsafeMutablePointer<UInt64>?, ErrorPlace) ->
      optplug_status = function("save")
  static let restore: @convention(c) (Handle, UnsafeRawPointer?, UInt64, ErrorPlace) -> optplug_status =
    function("restore")
  static let reset: @convention(c) (Handle, UInt32, ErrorPlace) -> optplug_status = function("reset")
  static let resetSeveral:
    @convention(c) (Handle, UnsafePointer<UInt32>?, UInt32, ErrorPlace) -> optplug_status = function(
      "reset_several")
  static let stateChanged: @convention(c) (Handle, UInt64, ErrorPlace) -> optplug_status =
    function("state_changed")
  static let useCUDA: @convention(c) (Handle, Int32, UnsafeMutableRawPointer?, ErrorPlace) -> optplug_status =
    function("use_cuda")
  static let settle: OnOptimizer = function("settle")

  nonisolated(unsafe) private static let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL)

  private static func function<F>(_ name: String) -> F {
    guard let address = dlsym(handle, "optplug_host_\(name)") else {
      preconditionFailure("\(file) lacks optplug_host_\(name)")
    }
    return unsafeBitCast(address, to: F.self)
  }
}

/// What a function of the library answered, other than OPTPLUG_OK.
struct Failure: Error, Equatable, CustomStringConvertible {
  let status: optplug_status
  let message: String

  var description: String { "status \(status): \(message)" }
}

/// Calls a function with room for a message.
func call(_ function: (Library.ErrorPlace) -> optplug_status) throws(Failure) {
  var message = [CChar](repeating: 0x7F, count: 4096)
  message[0] = 0
  let status = message.withUnsafeMutableBufferPointer { text in
    var error = optplug_error(
      struct_size: UInt32(MemoryLayout<optplug_error>.size), message_capacity: UInt32(text.count),
      message: text.baseAddress)
    return function(&error)
  }
  guard status != OPTPLUG_OK else { return }
  throw Failure(status: status, message: message.withUnsafeBufferPointer { String(cString: $0.baseAddress!) })
}

/// What a call that must fail says.
func refusal(_ function: (Library.ErrorPlace) -> optplug_status) -> Failure? {
  do {
    try call(function)
    return nil
  } catch { return error }
}

/// `sizeof`.
func size<T>(_: T.Type) -> UInt32 { UInt32(MemoryLayout<T>.size) }
