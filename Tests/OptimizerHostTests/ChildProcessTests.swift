// Programs that the host starts, and their limits.

import Foundation
import Testing

@testable import OptimizerHost

@Suite struct ChildProcessTests {
  /// A compiler that never ends, or never ends to print, is ended.
  @Test func childrenHaveLimits() throws {
    let slow = try ChildProcess.run(["/bin/sh", "-c", "sleep 1000 & wait"], seconds: 0.3)
    #expect(slow.status.map { $0 & 0x7F } == SIGKILL)
    let loud = try ChildProcess.run(["/bin/sh", "-c", "yes"], seconds: 60)
    #expect(loud.status.map { $0 & 0x7F } == SIGKILL && loud.output.utf8.count < 2 << 20)
  }

  @Test func statusAndOutput() throws {
    let done = try ChildProcess.run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"])
    #expect(done.status == 3 << 8 && done.output == "out\nerr\n")
    #expect(throws: ChildProcess.Failure.self) { try ChildProcess.run(["/nonexistent"]) }
  }
}
