// Carries out requests one after another.

import Foundation

/// The trainings that are alive.
struct Session {
  private var trainings: [Int: TimedTraining] = [:]
  private var lastID = 0
  private(set) var isOver = false

  mutating func reply(to line: String) throws -> Reply {
    let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
    switch request.do {
    case "hello":
      return Reply(name: "convtrain", version: "0.1.0")
    case "losses":
      guard let path = request.path else { throw Refusal("losses needs the \"path\" of parameters") }
      let step = try BareStep(try requireCase(request), dropout: false)
      try step.load(path)
      return Reply(losses: try (0..<count(request)).map { _ in try step.run() })
    case "prepare":
      let training = try TimedTraining(try requireCase(request))
      lastID += 1
      trainings[lastID] = training
      return Reply(id: lastID)
    case "step":
      return Reply(seconds: try find(request.id).train(steps: count(request)))
    case "memory":
      return Reply(bytes: try peakBytes())
    case "profile":
      return Reply(
        parts: try BareStep(try requireCase(request), dropout: true).profile(steps: count(request)))
    case "release":
      _ = try find(request.id)
      trainings[request.id ?? 0] = nil
      return Reply()
    case "quit":
      isOver = true
      return Reply()
    default:
      throw Refusal(
        "'\(request.do)' is not known: say hello, losses, prepare, step, memory, profile, release or quit")
    }
  }

  private func requireCase(_ request: Request) throws -> TrainingCase {
    guard let found = request.case else { throw Refusal("\(request.do) needs a \"case\"") }
    guard (1...1024).contains(found.threads) else {
      throw Refusal("\(found.threads) threads are no 1 to 1024")
    }
    guard (1...65536).contains(found.batch), found.images >= found.batch, found.images <= 1_000_000 else {
      throw Refusal("batches of \(found.batch) cannot be taken from \(found.images) images")
    }
    guard (1...4).contains(found.channels), (1...256).contains(found.size) else {
      throw Refusal("images of \(found.channels) channels and \(found.size) rows cannot be made")
    }
    return found
  }

  private func count(_ request: Request) throws -> Int {
    let count = request.count ?? 1
    guard (1...1_000_000).contains(count) else { throw Refusal("\(count) steps cannot be timed") }
    return count
  }

  private func find(_ id: Int?) throws -> TimedTraining {
    guard let id, let found = trainings[id] else {
      throw Refusal(id.map { "nothing is prepared as \($0)" } ?? "the request needs an \"id\"")
    }
    return found
  }

  /// The kernel's own count of this process.
  private func peakBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
    else { throw Refusal("the kernel does not tell how much memory was in use") }
    return kilobytes << 10
  }
}
