// Goes around calls of the plugin: says which function runs, and counts what it must not do.

import CPluginValidator

enum Watch {
  private static let names: [String: StaticString] = [
    "create": "create", "destroy": "destroy", "plan": "plan", "step": "step", "check": "check",
    "get_extension": "get_extension", "optplug_entry_v1": "optplug_entry_v1", "dlopen": "start-up code",
  ]

  /// Runs `call` with the function's name at hand for a report of a fault.
  static func running(_ function: String, _ call: () -> Void) {
    guard let name = names[function] else { return call() }
    name.withUTF8Buffer { text in
      text.withMemoryRebound(to: CChar.self) { plugin_validator_set_function($0.baseAddress) }
    }
    call()
    plugin_validator_set_function(nil)
  }

  /// How many allocations and releases `call` makes on this thread.
  static func allocations(_ call: () -> Void) -> UInt64 {
    plugin_validator_start_counting()
    call()
    return plugin_validator_stop_counting()
  }

  /// The number of the first system call that `call` makes on this thread, or nil.
  static func firstSystemCall(_ call: () -> Void) -> Int? {
    plugin_validator_trap_system_calls()
    call()
    let number = plugin_validator_allow_system_calls()
    return number < 0 ? nil : number
  }
}
