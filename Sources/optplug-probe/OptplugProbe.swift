// optplug-probe: loads one plugin in a process of its own, so that a host learns of a crash instead of having it.

import BasicFoundation
import OptimizerHost

@main
enum OptplugProbe {
  static func main() {
    let arguments = CommandLine.arguments
    if arguments.count == 4, arguments[1] == "--report", let seconds = UInt32(arguments[2]) {
      serve(arguments[3], seconds: seconds)
    } else if arguments.count == 2, !arguments[1].hasPrefix("-") {
      show(arguments[1])
    } else {
      write(
        2, "Usage: optplug-probe FILE\n\nLoads a plugin and says what it holds or why it cannot be used.\n")
      exit(arguments.dropFirst().first == "--help" ? 0 : 64)
    }
  }

  /// For a host, which listens at descriptor 3.
  private static func serve(_ path: String, seconds: UInt32) {
    // What the host had open is not the plugin's.
    for descriptor: Int32 in 4..<4096 { close(descriptor) }
    // A host that dies cannot end a helper that hangs.
    alarm(seconds)
    // Crashes are expected here; nobody wants their memory on disk.
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if os(Linux)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    #else
      setrlimit(RLIMIT_CORE, &none)
    #endif
    write(3, "\(ProbeStage.starting.rawValue)\n")
    _ = PluginProbe.load(path) { write(3, $0 + "\n") }
    // Code that runs when a library is unloaded is not asked for.
    _exit(0)
  }

  /// For people, under a debugger for instance.
  private static func show(_ path: String) {
    let problem = PluginProbe.load(path) { write(1, $0 + "\n") }
    if let problem { write(2, "\(path): \(problem)\n") }
    exit(problem == nil ? 0 : 69)
  }

  private static func write(_ descriptor: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count, let start = bytes.baseAddress {
        let count = BasicFoundation.write(descriptor, start + done, bytes.count - done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        done += count
      }
    }
  }
}
