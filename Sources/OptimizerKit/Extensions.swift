// The extensions that optimizers of the kit offer.

import COptPlug

extension Implementation {
  /// The table with an id, or nil.
  func find(_ id: UnsafePointer<CChar>) -> UnsafeRawPointer? {
    if equal(id, "optplug.formula/1") { return recorder.map { UnsafeRawPointer($0.table) } }
    return extensions?.find(id)
  }
}

/// The tables that a host asks a wrapper for, beside its formula.
struct WrapperExtensions {
  /// Nil for a wrapper without weights of its own to evaluate with: offering them would hide those of its base.
  let evalView: UnsafePointer<optplug_eval_view>?
  let restartBases: UnsafePointer<optplug_restart_bases>

  init(hasEvaluationWeights: Bool) {
    evalView =
      hasEvaluationWeights
      ? UnsafePointer(
        permanent([
          optplug_eval_view(
            struct_size: UInt32(MemoryLayout<optplug_eval_view>.size), reserved0: 0, enter: exchange,
            leave: exchange)
        ])) : nil
    restartBases = UnsafePointer(
      permanent([
        optplug_restart_bases(
          struct_size: UInt32(MemoryLayout<optplug_restart_bases>.size), reserved0: 0, restarts: restarts)
      ]))
  }

  /// The table with an id, or nil.
  func find(_ id: UnsafePointer<CChar>) -> UnsafeRawPointer? {
    if equal(id, "optplug.eval-view/1") { return evalView.map(UnsafeRawPointer.init) }
    if equal(id, "optplug.restart-bases/1") { return UnsafeRawPointer(restartBases) }
    return nil
  }
}

private let exchange:
  @convention(c) (OpaquePointer?, UnsafePointer<optplug_frame>?, ErrorOut) -> optplug_status = {
    instance, frame, error in
    guard let frame else { return OPTPLUG_INVALID_ARGUMENT }
    return Instance.at(instance).implementation.exchangeEvaluationWeights(frame, error)
  }

private let restarts: @convention(c) (OpaquePointer?, UInt64, UnsafePointer<Double>?) -> UInt32 = {
  instance, step, values in
  guard let values else { return 0 }
  return Instance.at(instance).implementation.restartsBase(HyperparameterValues(values), step: step) ? 1 : 0
}

// The header's OPTPLUG_EXTENSION_ ids arrive as `String`, whose hashing would drag random numbers and Unicode
// tables into every plugin; literals compare byte by byte without them.
private func equal(_ a: UnsafePointer<CChar>, _ b: StaticString) -> Bool {
  for i in 0...b.utf8CodeUnitCount where a[i] != b.cString[i] { return false }
  return true
}
