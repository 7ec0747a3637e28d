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
    $0(\.route, "route", "I(pNp)", "optimizer parameter hyperparameters")
    $0(\.decide, "decide", "S(pXOE)", "instance pass verdict error")
  }

  /// Of the host, as `create` hands it in.
  static let host = table(optplug_host.self) {
    $0(\.get_extension, "get_extension", "T(ps)", "host id")
  }

  /// Of what `plan` hands in.
  static let plan = table(optplug_plan.self) {
    $0(\.add_slot, "add_slot", "S(pPAO)", "plan parameter slot index")
    $0(\.borrow_slot, "borrow_slot", "S(pPIIIO)", "plan parameter base role nth index")
    $0(\.add_model_slot, "add_model_slot", "S(pAO)", "plan slot index")
    $0(\.set_phases, "set_phases", "S(pIIp)", "plan phases reductions operations")
    $0(\.set_scratch, "set_scratch", "S(pQQ)", "plan bytes bytes_per_element")
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
    OPTPLUG_EXTENSION_FORMULA: table(optplug_formula.self) {
      $0(\.operations, "operations", "S(pppOE)", "instance moment operations constants error")
    },
    OPTPLUG_EXTENSION_SIGNATURES: [],
    OPTPLUG_EXTENSION_LOG: table(optplug_log.self) {
      $0(\.write, "write", "v(pIs)", "host level message")
    },
    OPTPLUG_EXTENSION_PARALLEL_FOR: table(optplug_parallel_for.self) {
      $0(\.run, "run", "v(pIpp)", "host count body context")
    },
    OPTPLUG_EXTENSION_MATRIX_PRODUCT: table(optplug_matrix_product.self) {
      $0(\.multiply, "multiply", "S(pDdMMdM)", "host dtype alpha a b beta c")
    },
    OPTPLUG_EXTENSION_RANDOM: table(optplug_random.self) {
      $0(\.words, "words", "v(pQQQIp)", "host key stream first count words")
    },
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
