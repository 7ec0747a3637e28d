// Ctrl-C and SIGTERM: the first ends the run after the current step, the second at once.

import Foundation
import Synchronization
import Terminal

/// The first signal that came; signals belong to the process, so there is one for all.
private let received = Atomic<Int32>(0)

/// Listens for SIGINT and SIGTERM from its making on, as long as it lives.
final class Interruption {
  private let sources: [any DispatchSourceSignal]

  init() {
    sources = [SIGINT, SIGTERM].map { number in
      // The default action would end the process before the source hears of it.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        let (isFirst, _) = received.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        if !isFirst { _exit(128 + number) }
      }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
  }

  /// Whether a signal came.
  var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// What the process ends with, once a signal came.
  var status: ExitStatus { received.load(ordering: .relaxed) == SIGTERM ? .terminated : .interrupted }
}
