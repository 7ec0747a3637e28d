// Ctrl-C and SIGTERM: the first ends the run after the current step, the second at once; before the first step there is
// nothing to finish, and the first ends the program.

import Foundation
import Synchronization
import Terminal

/// The first signal that came; signals belong to the process, so there is one for all.
private let received = Atomic<Int32>(0)

/// Whether there are steps to finish.
private let hasBegun = Atomic<Bool>(false)

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
        if !isFirst || !hasBegun.load(ordering: .relaxed) { _exit(128 + number) }
      }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
  }

  /// From here on the first signal is left to those who ask for it.
  func begin() { hasBegun.store(true, ordering: .relaxed) }

  /// Whether a signal came.
  var isRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// What the process ends with, once a signal came.
  var status: ExitStatus { received.load(ordering: .relaxed) == SIGTERM ? .terminated : .interrupted }
}
