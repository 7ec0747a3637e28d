// One file from one address, by the system's curl.

import Foundation

/// Brings `address` to `target.part`, going on where that ends.
struct Transfer {
  let curl, address, target: String
  /// In bytes, where it is known.
  let size: Int?
  /// Seconds to connect in.
  let connectLimit: Int
  /// Seconds after which a connection that brings nothing is given up.
  let stallLimit: Int

  private var part: String { target + ".part" }
  private var tag: String { target + ".etag" }
  /// No known file is as large: a server that never ends must not fill the disk.
  private static let largest = 1 << 30

  /// What one run of curl came to.
  private struct Attempt {
    let status: Int32
    /// Of HTTP; of the proxy's answer to CONNECT. Empty or 0: there was none.
    let code, proxyCode: String

    /// The server knows no ranges, or has another file than the one begun (33, 36), or none so long (416).
    var mustBeginAnew: Bool { status == 33 || status == 36 || status == 22 && code == "416" }
    var isCutOff: Bool { [18, 52, 56, 92].contains(status) && proxyCode < "300" }
  }

  /// - Parameter progress: hears the bytes that are here, some times a second.
  func run(_ progress: (Int) -> Void) throws(DatasetError) {
    if let size, length > size { discard() }
    if let size, length == size { return }
    var last = try attempt(progress)
    if length > 0, last.mustBeginAnew {
      discard()
      last = try attempt(progress)
    }
    // Cut off connections are worth another try or two: what came is kept.
    for _ in 0..<3 where last.isCutOff {
      let before = length
      last = try attempt(progress)
      // Another file than the one begun: what is here of that is worth nothing.
      if last.mustBeginAnew {
        discard()
        last = try attempt(progress)
      } else if last.status != 0, length <= before {
        break
      }
    }
    guard last.status == 0 else {
      if length == 0 { discard() }
      throw .transfer(address: address, reason: reason(last), target: target)
    }
    // Of an empty file curl makes none.
    if length == 0 { _ = FileManager.default.createFile(atPath: part, contents: nil) }
  }

  /// Removes what is here.
  func discard() {
    unlink(part)
    unlink(tag)
  }

  private var length: Int {
    var info = stat()
    return stat(part, &info) == 0 ? Int(info.st_size) : 0
  }

  private func attempt(_ progress: (Int) -> Void) throws(DatasetError) -> Attempt {
    let start = length
    // The server's mark of this version of the file; only if it is the same may the rest be appended.
    let mark = (try? String(contentsOfFile: tag, encoding: .utf8))?.trimmingCharacters(
      in: .whitespacesAndNewlines)
    var arguments = [
      "--disable", "--silent", "--fail", "--location", "--max-redirs", "5", "--proto", "=http,https",
      "--connect-timeout", "\(connectLimit)", "--speed-limit", "1", "--speed-time", "\(stallLimit)",
      "--etag-save", tag, "--output", part, "--write-out", "%{http_code} %{http_connect}",
    ]
    if start > 0 {
      arguments += ["--continue-at", "\(start)"]
      if let mark, !mark.isEmpty { arguments += ["--header", "If-Range: \(mark)"] }
    }
    let limit = size ?? Self.largest
    let ending = CurlProcess.run(curl, arguments + ["--url", address]) {
      progress(length)
      return length <= limit
    }
    guard let ending, length <= limit else {
      discard()
      throw .transfer(
        address: address, reason: "it is longer than the \(limit) bytes of the published file", target: target
      )
    }
    progress(length)
    let codes = ending.output.split(separator: " ").map(String.init)
    return Attempt(status: ending.status, code: codes.first ?? "", proxyCode: codes.last ?? "")
  }

  private func reason(_ attempt: Attempt) -> String {
    let host = URL(string: address)?.host ?? address
    let kept = length > 0 ? "; what came is kept, and another try goes on there" : ""
    switch attempt.status {
    case 3: return "this is no address of a file"
    case 5: return "the proxy of the environment (https_proxy …) is not known"
    case 6: return "the host \(host) is not known: is there a network?"
    case 7: return "\(host) cannot be reached: is there a network?"
    case 22: return "\(host) answers with status \(attempt.code)"
    case 23: return "it cannot be written; is the disk full?"
    case 28: return "\(host) does not answer in time\(kept)"
    case 35, 60: return "no secure connection to \(host) can be made"
    case _ where attempt.isCutOff:
      return "the connection to \(host) was cut off\(kept)"
    case 56: return "the proxy answers with status \(attempt.proxyCode)"
    case CurlProcess.notFound: return "the program \(curl) was not found: install it"
    default: return "curl ends with status \(attempt.status)"
    }
  }
}
