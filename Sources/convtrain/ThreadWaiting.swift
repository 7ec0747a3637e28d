// Makes the network's threads wait politely, so that a busy machine does not slow a run tenfold.

import Foundation

/// How OpenMP's threads wait for one another.
enum ThreadWaiting {
  /// GNU's OpenMP lets threads spin for about a millisecond at each meeting point, and a small network has
  /// thousands in a second: where another program wants the same cores, they spin for each other's turn. Its
  /// own short count for crowded machines costs nothing on an idle one. OpenMP reads the setting before `main`
  /// begins, so it takes effect by starting the program anew, in the same process.
  ///
  /// Measured with a network of 61,706 parameters on two cores, images/s: idle 18,000 either way; beside one other
  /// run 150 by default and 4,700 with the short count. Settings of the user's own stay.
  static func beBrief() {
    #if os(Linux)
      guard getenv("GOMP_SPINCOUNT") == nil, getenv("OMP_WAIT_POLICY") == nil else { return }
      setenv("GOMP_SPINCOUNT", "1000", 1)
      // Returns only if it fails, and then the run is slower at worst.
      execv("/proc/self/exe", CommandLine.unsafeArgv)
    #endif
  }
}
