// One optimizer's functions with a validator's own around them: the host calls through here, the plugin cannot tell.

import COptPlug

/// Stands between the host and one optimizer of a plugin.
///
/// The host sees a copy of the optimizer's descriptor in which the functions lead here; the plugin gets its own
/// descriptor back. Functions of C carry no context, so there is one interposition at a time.
package final class Interposition: @unchecked Sendable {
  package typealias ErrorOut = UnsafeMutablePointer<optplug_error>?
  package typealias Frame = UnsafePointer<optplug_frame>?

  /// The interposition in force. Set between calls only.
  nonisolated(unsafe) fileprivate(set) static var current: Interposition?

  /// The plugin's descriptor.
  package let original: UnsafePointer<optplug_optimizer>
  /// The host's.
  let descriptor: UnsafePointer<optplug_optimizer>

  /// Goes around each call of a function of the plugin, named as its member. Must call what it is handed.
  package var around: ((_ function: String, _ call: () -> Void) -> Void)?
  /// Ids of the host's extensions that the plugin has asked for in `create`.
  package fileprivate(set) var askedExtensions: Set<String> = []
  /// The host as the plugin gets it.
  fileprivate let host: UnsafePointer<optplug_host>
  /// Whether the plugin gets NULL where the host hands in room for a message.
  package var dropsErrors = false
  /// Takes the place of a call of `step`; `call` calls the plugin's with whatever frame it is given.
  package var onStep:
    (
      (
        _ instance: OpaquePointer?, _ frame: Frame, _ error: ErrorOut,
        _ call: (OpaquePointer?, Frame, ErrorOut) -> optplug_status
      ) -> optplug_status
    )?

  /// Takes the place of a call of `plan`, likewise.
  package var onPlan:
    (
      (
        _ instance: OpaquePointer?, _ plan: UnsafePointer<optplug_plan>?, _ error: ErrorOut,
        _ call: (OpaquePointer?, UnsafePointer<optplug_plan>?, ErrorOut) -> optplug_status
      ) -> optplug_status
    )?

  package init(_ original: UnsafePointer<optplug_optimizer>) {
    self.original = original
    let size = Int(original.pointee.struct_size)
    // All of it, also what a newer plugin has appended.
    let copy = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    copy.copyMemory(from: original, byteCount: size)
    let descriptor = copy.assumingMemoryBound(to: optplug_optimizer.self)
    if original.pointee.create != nil { descriptor.pointee.create = createThunk }
    if original.pointee.destroy != nil { descriptor.pointee.destroy = destroyThunk }
    if original.pointee.plan != nil { descriptor.pointee.plan = planThunk }
    descriptor.pointee.step = stepThunk
    if original.pointee.route != nil { descriptor.pointee.route = routeThunk }
    if original.pointee.check != nil { descriptor.pointee.check = checkThunk }
    if original.pointee.get_extension != nil { descriptor.pointee.get_extension = extensionThunk }
    self.descriptor = UnsafePointer(descriptor)
    let host = UnsafeMutablePointer<optplug_host>.allocate(capacity: 1)
    host.initialize(to: hostInterface.pointee)
    host.pointee.get_extension = hostExtensionThunk
    self.host = UnsafePointer(host)
  }

  /// Sends the host's calls through here from now on.
  package func install() { Self.current = self }

  fileprivate func call<R>(_ function: String, otherwise: R, _ body: () -> R) -> R {
    guard let around else { return body() }
    var result = otherwise
    around(function) { result = body() }
    return result
  }

  fileprivate func step(_ instance: OpaquePointer?, _ frame: Frame, _ error: ErrorOut) -> optplug_status {
    guard let step = original.pointee.step else { return OPTPLUG_INTERNAL }
    let plain = { [self] (instance: OpaquePointer?, frame: Frame, error: ErrorOut) -> optplug_status in
      call("step", otherwise: OPTPLUG_INTERNAL) { step(instance, frame, dropsErrors ? nil : error) }
    }
    return onStep.map { $0(instance, frame, error, plain) } ?? plain(instance, frame, error)
  }
}

extension Interposition {
  fileprivate func plan(
    _ instance: OpaquePointer?, _ plan: UnsafePointer<optplug_plan>?, _ error: ErrorOut
  ) -> optplug_status {
    guard let function = original.pointee.plan else { return OPTPLUG_INTERNAL }
    let plain = {
      [self] (instance: OpaquePointer?, plan: UnsafePointer<optplug_plan>?, error: ErrorOut) -> optplug_status
      in
      call("plan", otherwise: OPTPLUG_INTERNAL) {
        function(instance, plan, dropsErrors ? nil : error)
      }
    }
    return onPlan.map { $0(instance, plan, error, plain) } ?? plain(instance, plan, error)
  }
}

private let createThunk:
  @convention(c) (
    UnsafePointer<optplug_optimizer>?, UnsafePointer<optplug_host>?, UnsafePointer<optplug_create_info>?,
    UnsafeMutablePointer<OpaquePointer?>?, UnsafeMutablePointer<optplug_error>?
  ) -> optplug_status = { _, _, info, instance, error in
    guard let interposition = Interposition.current, let create = interposition.original.pointee.create else {
      return OPTPLUG_INTERNAL
    }
    return interposition.call("create", otherwise: OPTPLUG_INTERNAL) {
      create(
        interposition.original, interposition.host, info, instance, interposition.dropsErrors ? nil : error)
    }
  }

private let hostExtensionThunk:
  @convention(c) (UnsafePointer<optplug_host>?, UnsafePointer<CChar>?) -> UnsafeRawPointer? = { _, id in
    if let id { Interposition.current?.askedExtensions.insert(String(cString: id)) }
    return hostInterface.pointee.get_extension?(hostInterface, id)
  }

private let destroyThunk: @convention(c) (OpaquePointer?) -> Void = { instance in
  guard let interposition = Interposition.current else { return }
  interposition.call("destroy", otherwise: ()) { interposition.original.pointee.destroy?(instance) }
}

private let routeThunk:
  @convention(c) (
    UnsafePointer<optplug_optimizer>?, UnsafePointer<optplug_parameter>?, UnsafePointer<Double>?
  ) ->
    UInt32 = { _, parameter, values in
      guard let interposition = Interposition.current, let route = interposition.original.pointee.route else {
        return OPTPLUG_ROUTE_ALL
      }
      return interposition.call("route", otherwise: OPTPLUG_ROUTE_ALL) {
        route(interposition.original, parameter, values)
      }
    }

private let planThunk:
  @convention(c) (OpaquePointer?, UnsafePointer<optplug_plan>?, UnsafeMutablePointer<optplug_error>?) ->
    optplug_status = { instance, plan, error in
      Interposition.current?.plan(instance, plan, error) ?? OPTPLUG_INTERNAL
    }

private let stepThunk: FrameFunction = { instance, frame, error in
  Interposition.current?.step(instance, frame, error) ?? OPTPLUG_INTERNAL
}

private let checkThunk:
  @convention(c) (
    UnsafePointer<optplug_optimizer>?, UnsafePointer<Double>?, UnsafeMutablePointer<optplug_error>?
  ) -> optplug_status = { _, values, error in
    guard let interposition = Interposition.current, let check = interposition.original.pointee.check else {
      return OPTPLUG_INTERNAL
    }
    return interposition.call("check", otherwise: OPTPLUG_INTERNAL) {
      check(interposition.original, values, interposition.dropsErrors ? nil : error)
    }
  }

private let extensionThunk:
  @convention(c) (UnsafePointer<optplug_optimizer>?, UnsafePointer<CChar>?) -> UnsafeRawPointer? = { _, id in
    guard let interposition = Interposition.current else { return nil }
    return interposition.call("get_extension", otherwise: nil) {
      interposition.original.pointee.get_extension?(interposition.original, id)
    }
  }
