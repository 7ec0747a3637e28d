// Fetching from a loopback server that cuts connections, ignores ranges, lies and is slow.

import FileLocking
import Foundation
import Testing

@testable import Datasets

/// The server of Fixtures/server.py, with files of its own, and a home to fetch to.
private final class Server {
  let folder: URL
  private let process = Process()
  /// Ends the server if this process dies.
  private let input = Pipe()
  private let port: String

  init(_ files: [String: [UInt8]]) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "fetch-\(UUID())", isDirectory: true)
    let content = folder.appendingPathComponent("content", isDirectory: true)
    try FileManager.default.createDirectory(at: content, withIntermediateDirectories: true)
    for (name, bytes) in files { try Data(bytes).write(to: content.appendingPathComponent(name)) }
    let (log, said) = (folder.appendingPathComponent("log"), folder.appendingPathComponent("port"))
    for file in [log, said] { try Data().write(to: file) }
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/server.py")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script.path, content.path]
    process.standardInput = input
    // Files, not pipes: reading a pipe would wait for as long as any other child holds its end.
    process.standardOutput = try FileHandle(forWritingTo: said)
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    var line = ""
    let deadline = Date() + 60
    while !line.hasSuffix("\n"), Date() < deadline {
      usleep(10_000)
      line = try String(contentsOf: said, encoding: .utf8)
    }
    port = line.trimmingCharacters(in: .whitespacesAndNewlines)
    try #require(Int(port) != nil, "the server said: \(line)")
  }

  deinit {
    // Foundation's wait for a process would also wait for those that others have started.
    kill(process.processIdentifier, SIGKILL)
    try? FileManager.default.removeItem(at: folder)
  }

  func fetcher(_ mode: String) -> DatasetFetcher {
    DatasetFetcher(
      home: DatasetHome(path: folder.path + "/home"), mirror: "http://127.0.0.1:\(port)/\(mode)",
      connectLimit: 30, stallLimit: mode == "stall" ? 1 : 60)
  }

  /// What was asked for: path, Range, If-Range.
  var requests: [String] {
    get throws {
      try String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
        .split(separator: "\n").map(String.init)
    }
  }

  /// Names in the data set's folder.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/home/small")) ?? []).sorted()
  }
}

@Suite(.serialized, .timeLimit(.minutes(60))) struct FetchTests {
  private let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 7) }

  private func small(_ bytes: [UInt8], name: String = "a.bin", size: Int? = nil, members: [String] = [])
    -> KnownDataset
  {
    var sum = MD5()
    sum.update(bytes)
    return KnownDataset(
      name: "small", files: [.init(name: name, md5: sum.finish(), size: size, members: members)])
  }

  private func error(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return "\(error)"
    }
  }

  /// The test suite of RFC 1321, section A.5.
  @Test(arguments: [
    ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
    ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    (
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a"
    ),
  ]) func md5(text: String, sum: String) {
    var whole = MD5()
    whole.update(text.utf8)
    #expect(whole.finish() == sum)
    var pieces = MD5()
    for byte in text.utf8 { pieces.update([byte]) }
    #expect(pieces.finish() == sum)
  }

  @Test(arguments: ["good", "cut", "norange", "slow", "changes"]) func comesWhole(mode: String) throws {
    let server = try Server(["a.bin": content])
    let fetcher = server.fetcher(mode)
    var last = 0
    try fetcher.fetch(small(content, size: content.count)) { _, count, _ in last = count }
    #expect(try fetcher.states(of: small(content)).map(\.state) == [.good])
    #expect(last == content.count)
    #expect(server.names == ["a.bin"])
    let requests = try server.requests
    switch mode {
    case "cut": #expect(requests.last == "/cut/a.bin bytes=100000- \"one\"")
    // The first half belonged to another file: it must not be kept.
    case "changes": #expect(requests.contains("/changes/a.bin bytes=100000- \"zero\""))
    default: break
    }
    // What is good is not fetched again.
    try fetcher.fetch(small(content))
    #expect(try server.requests.count == requests.count)
  }

  @Test func goesOnWhereAnEarlierAttemptEnded() throws {
    let server = try Server(["a.bin": content])
    #expect(error { try server.fetcher("alwayscut").fetch(small(content)) }.contains("was cut off"))
    #expect(server.names.contains("a.bin.part") && !server.names.contains("a.bin"))
    #expect(try server.fetcher("good").states(of: small(content)).map(\.state) == [.partial])
    try server.fetcher("good").fetch(small(content))
    #expect(try server.requests.last?.contains("/good/a.bin bytes=") == true)
    #expect(try server.fetcher("good").states(of: small(content)).map(\.state) == [.good])
  }

  /// While one process fetches, another is told which; afterwards nothing is left of the lock, and a file that bears its
  /// name locks nothing.
  @Test func oneFetchesAtATime() throws {
    let server = try Server(["a.bin": content])
    let home = server.folder.path + "/home"
    let lock = home + "/.small.lock"
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    try Data("process 1 on another machine".utf8).write(to: URL(fileURLWithPath: lock))
    var second: Set<String> = []
    try server.fetcher("slow").fetch(small(content)) { _, _, _ in
      second.insert(error { try server.fetcher("good").fetch(small(content)) })
    }
    let told = try #require(second.first)
    #expect(second.count == 1 && told.hasPrefix("\(home)/small: process \(getpid()) on "), "\(second)")
    #expect(told.hasSuffix(" fetches small already; wait for its end, or name another folder with --to"))
    #expect(server.names == ["a.bin"] && !FileManager.default.fileExists(atPath: lock))
    // What is complete needs no lock.
    // As another process would hold it.
    let held = try FileLock(lock)
    #expect(error { try server.fetcher("missing").fetch(small(content)) } == "")
    try FileManager.default.removeItem(atPath: home + "/small/a.bin")
    #expect(error { try server.fetcher("good").fetch(small(content)) }.contains("fetches small already"))
    held.removeFile()
    try server.fetcher("good").fetch(small(content))
    #expect(server.names == ["a.bin"])
  }

  @Test func saysWhatIsWrong() throws {
    let server = try Server(["a.bin": content])
    let wrong = error { try server.fetcher("wrong").fetch(small(content)) }
    #expect(wrong.contains("MD5") && wrong.contains("--mirror"), "\(wrong)")
    #expect(server.names == [], "nothing is left of a wrong file")
    let missing = error { try server.fetcher("missing").fetch(small(content)) }
    #expect(missing.contains("answers with status 404") && missing.contains("small/a.bin"), "\(missing)")
    var fetcher = DatasetFetcher(
      home: DatasetHome(path: server.folder.path + "/home"), mirror: "http://127.0.0.1:1")
    let unreachable = error { try fetcher.fetch(small(content)) }
    #expect(unreachable.contains("127.0.0.1 cannot be reached") && unreachable.contains("by other means"))
    fetcher = DatasetFetcher(home: fetcher.home, mirror: fetcher.mirror, curl: "no-such-curl")
    #expect(error { try fetcher.fetch(small(content)) }.contains("no-such-curl was not found"))
    #expect(server.names == [])
  }

  @Test func serversThatStallOrNeverEndAreGivenUp() throws {
    let server = try Server(["a.bin": content])
    let stalled = error { try server.fetcher("stall").fetch(small(content)) }
    #expect(stalled.contains("127.0.0.1 does not answer in time") && !stalled.contains("kept"), "\(stalled)")
    #expect(server.names == [])
    let known = small(content, size: content.count)
    let endless = error { try server.fetcher("endless").fetch(known) }
    #expect(endless.contains("longer than the 200000 bytes"), "\(endless)")
    #expect(server.names == [])
  }

  @Test func seesDamage() throws {
    let server = try Server(["a.bin": content])
    let fetcher = server.fetcher("good")
    let dataset = small(content, size: content.count)
    #expect(try fetcher.states(of: dataset).map(\.state) == [.missing])
    try fetcher.fetch(dataset)
    let file = server.folder.appendingPathComponent("home/small/a.bin")
    var damaged = content
    damaged[1000] ^= 1
    try Data(damaged).write(to: file)
    #expect(try fetcher.states(of: dataset).map(\.state) == [.wrongChecksum])
    try Data(damaged.dropLast()).write(to: file)
    #expect(try fetcher.states(of: dataset).map(\.state) == [.wrongSize])
    try fetcher.fetch(dataset)
    #expect(try fetcher.states(of: dataset).map(\.state) == [.good])
  }

  /// A ustar archive of files; `kind` 0 is a regular file, 2 a link.
  private func archive(_ entries: [(name: String, kind: Character, bytes: [UInt8])]) -> [UInt8] {
    var result: [UInt8] = []
    for entry in entries {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, _ place: Int) {
        for (offset, byte) in text.utf8.enumerated() { header[place + offset] = byte }
      }
      put(entry.name, 0)
      put(String(format: "%011o", entry.bytes.count), 124)
      put("        ", 148)
      header[156] = entry.kind.asciiValue ?? 0
      put("ustar", 257)
      put(String(format: "%06o", header.reduce(0) { $0 + Int($1) }), 148)
      header[154] = 0
      result += header + entry.bytes + [UInt8](repeating: 0, count: (512 - entry.bytes.count % 512) % 512)
    }
    return Gzip.stored(result + [UInt8](repeating: 0, count: 1024))
  }

  @Test func archivesAreUnpackedSafely() throws {
    let bytes = archive([
      ("set/", "5", []), ("../../escaped.bin", "0", [9]), ("set/train.bin", "0", [1, 2, 3]),
      ("set/link.bin", "2", []), ("/tmp/absolute.bin", "0", [8]), ("set/test.bin", "0", [4]),
    ])
    let server = try Server(["a.tar.gz": bytes])
    let dataset = small(bytes, name: "a.tar.gz", members: ["train.bin", "test.bin"])
    try server.fetcher("good").fetch(dataset)
    #expect(server.names == ["a.tar.gz", "test.bin", "train.bin"])
    let train = server.folder.appendingPathComponent("home/small/train.bin")
    #expect(try Array(Data(contentsOf: train)) == [1, 2, 3])
    #expect(try server.fetcher("good").states(of: dataset).map(\.state) == [.unpacked])
    // A file that was lost is unpacked again, without the network.
    try FileManager.default.removeItem(at: train)
    #expect(try server.fetcher("missing").states(of: dataset).map(\.state) == [.incomplete])
    try server.fetcher("missing").fetch(dataset)
    #expect(try server.fetcher("good").states(of: dataset).map(\.state) == [.unpacked])
    let lacking = small(bytes, name: "a.tar.gz", members: ["link.bin"])
    #expect(error { try server.fetcher("good").fetch(lacking) }.contains("holds no file link.bin"))
  }

  @Test func damagedArchivesLeaveNothing() throws {
    let whole = archive([("train.bin", "0", [UInt8](repeating: 7, count: 5000)), ("test.bin", "0", [4])])
    for length in [whole.count - 20, whole.count / 2, 40] {
      let bytes = Array(whole.prefix(length))
      let server = try Server(["a.tar.gz": bytes])
      let dataset = small(bytes, name: "a.tar.gz", members: ["train.bin", "test.bin"])
      let text = error { try server.fetcher("good").fetch(dataset) }
      #expect(length == whole.count - 20 || text.contains("a.tar.gz"), "\(length): \(text)")
      #expect(server.names.allSatisfy { $0 == "a.tar.gz" || text.isEmpty })
    }
  }

  /// `--data mnist` before it was fetched, and when only a part came.
  @Test func namesThatWereNotFetched() throws {
    let folder = try DatasetFolder()
    let home = DatasetHome(path: folder.url.path)
    #expect(error { _ = try Dataset.named("MNIST", home: home) }.contains("convtrain datasets fetch mnist"))
    let fetcher = DatasetFetcher(home: home)
    let mnist = try #require(KnownDataset(name: "mnist"))
    #expect(fetcher.presence(of: mnist) == .none)
    try folder.write("mnist/train-images-idx3-ubyte.gz", [1])
    #expect(fetcher.presence(of: mnist) == .part)
    let partly = error { _ = try Dataset.named("mnist", home: home) }
    #expect(
      partly.hasPrefix("mnist: is not here, or not all of it") && partly.contains("datasets fetch mnist"))
    #expect(try fetcher.states(of: mnist).map(\.state) == [.wrongSize, .missing, .missing, .missing])
  }

  @Test func knownNames() {
    #expect(KnownDataset(name: "Fashion_MNIST")?.name == "fashion-mnist")
    #expect(KnownDataset(name: "CIFAR-10")?.name == "cifar10")
    #expect(KnownDataset(name: "mnist2") == nil)
    for dataset in KnownDataset.all {
      #expect(dataset.mirrors.allSatisfy { $0.hasSuffix("/") && URL(string: $0)?.host != nil })
      for file in dataset.files { #expect(file.md5.count == 32 && file.md5.allSatisfy(\.isHexDigit)) }
    }
  }
}
