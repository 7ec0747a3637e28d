// What plugins have to say to the person who trains.

import COptPlug
import BasicFoundation

/// Messages that plugins write through the host; dropped unless the trainer wants them.
public enum PluginMessages {
  /// How much a message matters.
  public enum Level: String, Sendable, CaseIterable {
    case debug, info, warning, error

    /// A level that this host does not know counts as an error.
    init(_ code: UInt32) {
      self =
        switch code {
        case OPTPLUG_LOG_DEBUG: .debug
        case OPTPLUG_LOG_INFO: .info
        case OPTPLUG_LOG_WARNING: .warning
        default: .error
        }
    }
  }

  private static let lock = Lock()
  // Guarded by `lock`.
  nonisolated(unsafe) private static var receiver: (@Sendable (Level, String) -> Void)?

  /// Sets who gets the messages, one line each, from any thread; nil drops them.
  public static func setReceiver(_ receiver: (@Sendable (Level, String) -> Void)?) {
    lock.withLock { self.receiver = receiver }
  }

  static func deliver(_ level: UInt32, _ message: String) {
    lock.withLock { receiver }?(Level(level), message)
  }
}
