// trainbench: our side of the training benchmark; answers one line of JSON for each line it gets.

import Foundation

@main
enum Trainbench {
  private static let help = """
    trainbench
      Trains on request: one JSON object a line, from standard input to standard output.
        {"do": "hello"}
        {"do": "losses", "case": CASE, "count": STEPS, "path": PARAMETERS}   the losses of the first steps
        {"do": "prepare", "case": CASE}          loads and plans; gives the "id" of the training
        {"do": "step", "id": ID, "count": N}     seconds of N steps of the trainer
        {"do": "memory"}                         largest number of bytes that this process has had in memory
        {"do": "profile", "case": CASE, "count": STEPS}   seconds of each operation
        {"do": "release", "id": ID}
        {"do": "quit"}
      CASE is {"network": …, "channels": …, "size": …, "batch": …, "images": …, "optimizer": EXPRESSION,
      "threads": …}; PARAMETERS is a file of float32 values, one parameter after another.

    Exit status: 0 success; 64 wrong usage.
    """

  static func main() {
    let words = CommandLine.arguments.dropFirst()
    if words == ["--help"] || words == ["-h"] { return write(help) }
    guard words.isEmpty else {
      FileHandle.standardError.write(
        Data("trainbench: takes requests and no arguments\nSee trainbench --help.\n".utf8))
      exit(64)
    }
    var session = Session()
    while !session.isOver, let line = readLine() {
      var reply: Reply
      do { reply = try session.reply(to: line) } catch { reply = Reply(ok: false, why: why(error)) }
      do { write(try json(reply)) } catch { write(#"{"ok":false,"why":"the reply is no JSON"}"#) }
    }
  }

  private static func why(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    switch error {
    case .keyNotFound(let key, _): return "the request lacks \"\(key.stringValue)\""
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty
        ? "the line is no request" : "the request's \"\(path)\": \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }
}

/// A line on standard output, at once.
private func write(_ line: String) {
  FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

private func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
