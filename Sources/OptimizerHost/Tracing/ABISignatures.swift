// How every function of optplug.h is called: a line for each.

import COptPlug

/// Signatures of the functions that optplug.h declares. A function that is added to the header needs a line here and
/// nothing else to be traced; a test compares the two.
enum ABISignatures {
  /// Of the description of an optimizer.
  static let optimizer = table(optplug_optimizer.self) {
    $0(\.create, "create", "S(ppppE)", "optimizer host info instance error")
    $0(\.destroy, "destroy", "v(p)", "instance")
    $0(\.plan, "plan", "S(ppE)", "instance plan error")
    $0(\.step, "step", "S(pFE)", "instance frame error")
    $0(\.check, "check", "S(ppE)", "optimizer hyperparameters error")
    $0(\.get_extension, "get_extension", "T(ps)", "optimizer id")
  }

  /// Of the host, as `create` hands it in.
  static let host = table(optplug_host.self) {
    $0(\.get_extension, "get_extension", "T(ps)", "host id")
  }

  /// Of what `plan` hands in.
  static let plan = table(optplug_plan.self) {
    $0(\.add_slot, "add_slot", "S(pPAp)", "plan parameter slot index")
    $0(\.borrow_slot, "borrow_slot", "S(pPIIIp)", "plan parameter base role nth index")
  }

  /// Of the tables that extensions of optimizers and services of the host hand out, by id.
  static let extensions: [String: [FunctionSignature]] = [
    OPTPLUG_EXTENSION_EVAL_VIEW: table(optplug_eval_view.self) {
      $0(\.enter, "enter", "S(pFE)", "instance frame error")
      $0(\.leave, "leave", "S(pFE)", "instance frame error")
    },
    OPTPLUG_EXTENSION_RESTART_BASES: table(optplug_restart_bases.self) {
      $0(\.restarts, "restarts", "I(pQp)", "instance step hyperparameters")
    },
    OPTPLUG_EXTENSION_SIGNATURES: [],
  ]

  /// A field, the name to show, the signature and the parameters' names.
  private typealias Line<T> = (PartialKeyPath<T>, String, String, String) -> Void

  private static func table<T>(_: T.Type, _ lines: (Line<T>) -> Void) -> [FunctionSignature] {
    var functions: [FunctionSignature] = []
    lines { field, member, signature, parameters in
      guard let offset = MemoryLayout<T>.offset(of: field) else { return }
      functions.append(FunctionSignature(member, at: offset, signature, parameters))
    }
    return functions
  }
}
