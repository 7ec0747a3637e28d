// Writing to stdout and stderr: a closed pipe is no accident, a full disk is.

import Foundation

public enum Console {
  /// A reader that has seen enough closes its pipe, and a file may meet its size limit: both are errors to report, not
  /// signals to die of before a run is saved.
  public static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  /// Whether stderr is a terminal whose lines can be rewritten.
  public static var errorIsTerminal: Bool {
    isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Whether stderr takes colours: on a terminal, unless <https://no-color.org> says otherwise.
  public static var errorTakesColour: Bool {
    errorIsTerminal && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
  }

  /// Whether stdout takes colours, as ``errorTakesColour``.
  public static var outputTakesColour: Bool {
    let environment = ProcessInfo.processInfo.environment
    return isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
      && (environment["NO_COLOR"] ?? "").isEmpty
  }

  /// Whether the locale has characters beyond ASCII.
  public static var takesUnicode: Bool { takesUnicode(ProcessInfo.processInfo.environment) }

  /// The first of these variables that is set decides, as in <https://pubs.opengroup.org/onlinepubs/9799919799/>, 8.2.
  static func takesUnicode(_ environment: [String: String]) -> Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? "C"
    return locale.lowercased().replacingOccurrences(of: "-", with: "").contains("utf8")
  }

  /// Columns of the terminal behind stderr; 80 where it does not say.
  public static var errorWidth: Int { width(of: STDERR_FILENO) }

  /// Columns of the terminal behind stdout; where it is none, COLUMNS, or 80.
  public static var outputWidth: Int {
    width(of: STDOUT_FILENO, else: ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? 80)
  }

  private static func width(of descriptor: Int32, else standard: Int = 80) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return standard }
    return Int(size.ws_col)
  }

  /// Writes a line to stdout.
  /// - Throws: ``OutputError`` unless the reader went away.
  public static func output(_ line: String) throws {
    let code = write(line + "\n", to: STDOUT_FILENO)
    guard code == 0 || code == EPIPE else { throw OutputError(reason: String(cString: strerror(code))) }
  }

  /// Writes a line to stderr; where nobody can be told, nothing is said.
  public static func error(_ line: String) {
    raw(line + "\n")
  }

  /// Writes text to stderr as it is.
  public static func raw(_ text: String) {
    _ = write(text, to: STDERR_FILENO)
  }

  /// - Returns: 0, or the system's error number.
  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count, let start = bytes.baseAddress {
        let count = Foundation.write(descriptor, start + done, bytes.count - done)
        if count < 0 {
          if errno == EINTR { continue }
          return errno
        }
        done += count
      }
      return 0
    }
  }
}

/// Standard output cannot be written.
public struct OutputError: Error, CustomStringConvertible {
  public let reason: String
  public var description: String {
    "standard output cannot be written (\(reason)); free space or redirect it elsewhere"
  }
}
