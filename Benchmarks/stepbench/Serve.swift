// Answers the orchestrator line by line until it says quit or goes away.

import Foundation

/// Something whose steps can be timed.
protocol Contender {
  associatedtype Prepared: PreparedSteps

  var name: String { get }
  /// What requests call its implementations; the first is meant where a request names none.
  var implementations: [String] { get }
  /// - Parameter implementation: one of `implementations`.
  func prepare(_ case: StepCase, _ implementation: String) throws -> Prepared
}

/// A case that is ready to be stepped.
protocol PreparedSteps {
  /// Takes exactly `count` steps.
  func step(count: Int) throws
  /// All parameters in order.
  func values() throws -> Data
}

func serve(_ contender: some Contender) {
  var session = Session(contender)
  while !session.isOver, let line = readLine() {
    var reply: Reply
    do { reply = try session.reply(to: line) } catch { reply = Reply(ok: false, why: why(error)) }
    do { write(try json(reply)) } catch { write(#"{"ok":false,"why":"the reply is no JSON"}"#) }
  }
}

private func why(_ error: any Error) -> String {
  guard let error = error as? DecodingError else { return "\(error)" }
  switch error {
  case .keyNotFound(let key, _): return "the request lacks \"\(key.stringValue)\""
  case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "the line is no request" : "the request's \"\(path)\": \(context.debugDescription)"
  @unknown default: return "\(error)"
  }
}

/// The cases that are alive.
private struct Session<C: Contender> {
  private let contender: C
  private var prepared: [Int: C.Prepared] = [:]
  private var lastID = 0
  private(set) var isOver = false

  init(_ contender: C) { self.contender = contender }

  mutating func reply(to line: String) throws -> Reply {
    let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
    switch request.do {
    case "hello":
      return Reply(name: contender.name, version: "0.1.0", implementations: contender.implementations)
    case "prepare":
      let implementation = request.implementation ?? contender.implementations[0]
      guard contender.implementations.contains(implementation) else {
        throw Refusal(
          "there is no implementation '\(implementation)', only \(contender.implementations.joined(separator: ", "))"
        )
      }
      guard let stepCase = request.case else { throw Refusal("prepare needs a \"case\"") }
      let threads = stepCase.threads ?? 1
      guard (1...1024).contains(threads) else { throw Refusal("\(threads) threads are no 1 to 1024") }
      let made = try contender.prepare(stepCase, implementation)
      lastID += 1
      prepared[lastID] = made
      return Reply(id: lastID)
    case "step":
      let count = request.count ?? 1
      guard (1...1_000_000_000).contains(count) else { throw Refusal("\(count) steps cannot be timed") }
      let steps = try find(request.id)
      let start = now()
      try steps.step(count: count)
      return Reply(seconds: now() - start)
    case "values":
      guard let path = request.path else { throw Refusal("values needs a \"path\"") }
      let values = try find(request.id).values()
      do { try values.write(to: URL(fileURLWithPath: path)) } catch {
        throw Refusal("\(path) cannot be written: \(error.localizedDescription)")
      }
      return Reply()
    case "release":
      _ = try find(request.id)
      prepared[request.id ?? 0] = nil
      return Reply()
    case "quit":
      isOver = true
      return Reply()
    default:
      throw Refusal("'\(request.do)' is not known: say hello, prepare, step, values, release or quit")
    }
  }

  private func find(_ id: Int?) throws -> C.Prepared {
    guard let id, let found = prepared[id] else {
      throw Refusal(id.map { "nothing is prepared as \($0)" } ?? "the request needs an \"id\"")
    }
    return found
  }
}
