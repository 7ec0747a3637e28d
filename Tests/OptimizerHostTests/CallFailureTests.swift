// Plugins whose functions fail, or leave the thread in another floating-point mode.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct CallFailureTests {
  static let plugins = [
    "create-fails", "create-nothing", "plan-fails", "check-fails", "slots-absurd", "step-fails",
    "step-fails-unterminated",
    "flush-to-zero", "rounds-upward",
  ]

  /// An instance that was never made must not be ended.
  @Test func failedCreate() throws {
    let file = try BadPlugins.file("create-fails")
    let error = try BadPlugins.refusal(of: file)
    #expect(error == .call("bad", function: "create", problem: "no such GPU"))
    #expect("\(error)" == "optimizer 'bad': create failed: no such GPU")
    #expect(CPlugin.events(of: file) == ["loaded", "entered"])
  }

  @Test func createWithoutInstance() throws {
    let file = try BadPlugins.file("create-nothing")
    let error = try BadPlugins.refusal(of: file)
    #expect(error == .call("bad", function: "create", problem: "it made no instance"))
    #expect(CPlugin.events(of: file) == ["loaded", "entered"])
  }

  /// The instance was made, so it is ended, and once.
  @Test func failedPlan() throws {
    let file = try BadPlugins.file("plan-fails")
    let error = try BadPlugins.refusal(of: file)
    #expect(error == .call("bad", function: "plan", problem: "only matrices can be trained"))
    #expect(CPlugin.events(of: file) == ["loaded", "entered", "destroyed"])
  }

  @Test func moreStateThanMemory() throws {
    let file = try BadPlugins.file("slots-absurd")
    let error = try BadPlugins.refusal(of: file)
    #expect(
      error == .parameters("no memory for 268435456 MiB of optimizer state; use a smaller model"))
    #expect(CPlugin.events(of: file) == ["loaded", "entered", "destroyed"])
  }

  @Test func failedCheck() throws {
    let file = try BadPlugins.file("check-fails")
    let error = try BadPlugins.refusal(of: file)
    #expect(error == .hyperparameter("bad", problem: "decay must be below lr"))
    #expect(CPlugin.events(of: file) == ["loaded", "entered"])
  }

  /// Twenty pieces fail, each with its own message; the first of them is reported whatever the threads do.
  @Test(arguments: [1, 2, 3, 8]) func failedStepReportsTheFirstPiece(threads: Int) throws {
    let file = try BadPlugins.file("step-fails")
    let weights = Tensor<Float>("w", Array(repeating: 0, count: 300_000))
    let gradient = Array(repeating: Float(0), count: weights.count)
    for _ in 0..<20 {
      let training = try Training(file.path, [weights], threads: threads, pieceElements: 10_000)
      #expect(throws: OptimizerError.call("bad", function: "step", problem: "gave up at element 100000")) {
        try training.step([gradient])
      }
    }
  }

  @Test func messageWithoutEnd() throws {
    let training = try Training(try BadPlugins.file("step-fails-unterminated").path, start: Float(1))
    let error = try #require(throws: OptimizerError.self) { try training.step([[1]]) }
    guard case .call("bad", function: "step", let problem) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(problem == String(repeating: "x", count: 511))
  }
}

/// Whether this thread makes denormal results zero.
private func flushesToZero() -> Bool {
  // From text, so that the compiler cannot compute the product itself.
  let half = Float(ProcessInfo.processInfo.processIdentifier > 0 ? "0.5" : "1") ?? 1
  return Float.leastNormalMagnitude * half == 0
}

@Suite struct FloatingPointModeTests {
  /// Runs `body` on a thread of its own, whose mode no other test shares.
  private func onNewThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in
      Thread { continuation.resume(returning: body()) }.start()
    }
  }

  /// The control: the loader alone does change the mode.
  @Test func startUpCodeFlushesToZero() async throws {
    let folder = try TemporaryFolder()
    let copy = try folder.copy(try BadPlugins.file("flush-to-zero"), as: "copy.so")
    let (before, after) = await onNewThread {
      let before = flushesToZero()
      return (before, dlopen(copy, RTLD_NOW | RTLD_LOCAL) != nil && flushesToZero())
    }
    #expect(!before)
    #expect(after)
  }

  @Test func loadingKeepsTheMode() async throws {
    let file = try BadPlugins.file("flush-to-zero")
    let (error, flushes) = await onNewThread {
      let result = Result { _ = try Training(file.path, start: Float(1)) }
      return (result, flushesToZero())
    }
    try error.get()
    #expect(CPlugin.events(of: file).first == "loaded")
    #expect(!flushes)
  }

  /// All threads compute as the trainer's does, also when it has changed its mode since the optimizer was made.
  @Test func workersRoundAsTheCaller() async throws {
    let bits = await onNewThread {
      Result {
        try [1, 2, 3].map { threads in
          let weights = Tensor<Float>("w", mixedValues(stream: 1, count: 200_000))
          let training = try Training("sgd(lr=0.1)", [weights], threads: threads)
          fesetround(FE_UPWARD)
          defer { fesetround(FE_TONEAREST) }
          try training.step([mixedValues(stream: 2, count: 200_000)])
          return digest(weights.values)
        }
      }
    }
    #expect(Set(try bits.get()).count == 1)
  }

  /// Every piece finds the default mode, although the one before it left another; so does the trainer.
  @Test(arguments: [1, 2]) func stepsKeepTheMode(threads: Int) async throws {
    let file = try BadPlugins.file("rounds-upward")
    let result = await onNewThread {
      Result {
        let weights = Tensor<Float>("w", Array(repeating: 0, count: 65_536))
        let training = try Training(file.path, [weights], threads: threads, pieceElements: 1024)
        let modeAfterLoading = fegetround()
        try training.step([weights.values])
        return (weights.values, [modeAfterLoading, fegetround()])
      }
    }
    let (weights, modes) = try result.get()
    let pieces = stride(from: 0, to: weights.count, by: 1024)
    #expect(Set(pieces.map { weights[$0] }) == [1])
    // The control: each piece did leave another mode behind.
    #expect(Set(pieces.map { weights[$0 + 1] }) == [Float(1).nextUp])
    #expect(modes == [FE_TONEAREST, FE_TONEAREST])
  }
}
