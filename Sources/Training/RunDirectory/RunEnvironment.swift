// What a run was made with and on, for those who want to repeat it.

import ConvNet
import Foundation
import OptimizerHost

/// `environment.json` of a run directory.
public struct RunEnvironment: Codable, Sendable {
  public struct CPU: Codable, Equatable, Sendable {
    public let model: String
    public let cores: Int
    /// Instruction sets, as the kernel names them, of those that change what code runs.
    public let features: [String]
  }

  /// A time at which the run was taken up again.
  public struct Resumption: Codable, Sendable {
    /// ISO 8601.
    public let date: String
    public let step: Int
  }

  /// Of this program and its plugin interface.
  public let version: String
  /// The compiler that built it, and the library that computes.
  public let swift, oneDNN: String
  public let kernel: String
  public let cpu: CPU
  public let threads: Int
  public let dataset: String
  public let data: DataIdentity
  public let plugins: [OptimizerIdentity]
  /// With every value in force; nil in runs of older versions.
  public let optimizer: String?
  /// ISO 8601.
  public var started: String
  public var resumed: [Resumption]

  private enum CodingKeys: String, CodingKey {
    case version, swift, kernel, cpu, threads, dataset, data, plugins, optimizer, started, resumed
    case oneDNN = "onednn"
  }

  /// Of this process and machine, and of a trainer that is about to train.
  public init(_ trainer: Trainer) {
    version = hostVersion
    swift = Self.compiler
    oneDNN = Network.backendVersion
    var system = utsname()
    kernel = uname(&system) == 0 ? "\(Self.text(&system.sysname)) \(Self.text(&system.release))" : "unknown"
    cpu = CPU.ofThisMachine
    threads = trainer.options.threads
    dataset = trainer.dataset.name
    data = trainer.dataIdentity
    plugins = trainer.optimizer.identities
    optimizer = trainer.optimizerExpression
    started = Self.now
    resumed = []
  }

  /// The same, of a run that began in `earlier` and goes on at `step`.
  public func resuming(_ earlier: RunEnvironment?, at step: Int) -> RunEnvironment {
    var environment = self
    environment.started = earlier?.started ?? started
    environment.resumed = (earlier?.resumed ?? []) + [Resumption(date: started, step: step)]
    return environment
  }

  /// What else than the run itself may change the last bits of its results, one line each.
  public func differences(from earlier: RunEnvironment) -> [String] {
    [
      ("threads", "\(earlier.threads)", "\(threads)"), ("processor", earlier.cpu.model, cpu.model),
      (
        "instruction sets", earlier.cpu.features.joined(separator: " "),
        cpu.features.joined(separator: " ")
      ),
      ("oneDNN", earlier.oneDNN, oneDNN), ("convtrain", earlier.version, version),
      ("compiler", earlier.swift, swift),
    ].compactMap { what, was, now in was == now ? nil : "\(what): was \(was), is \(now)" }
  }

  /// Reads a directory's; nil if there is none that can be read.
  public init?(in directory: String) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let bytes = try? AtomicFile.read(RunDirectory.environment(in: directory)),
      let value = try? decoder.decode(Self.self, from: Data(bytes))
    else { return nil }
    self = value
  }

  /// Writes it to its place.
  public func write(to directory: RunDirectory) throws {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(self), as: UTF8.self)
    try directory.write(text + "\n", to: RunDirectory.environment(in: directory.path))
  }

  private static var now: String { Date().formatted(.iso8601) }

  private static var compiler: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #else
      "6.2"
    #endif
  }

  /// The text in an array of characters of C, which Swift sees as a tuple.
  private static func text<T>(_ characters: inout T) -> String {
    withUnsafeBytes(of: &characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}

extension RunEnvironment.CPU {
  private static let interesting: Set<String> = [
    "sse4_1", "sse4_2", "avx", "avx2", "fma", "f16c", "bmi2", "avx_vnni", "avx512f", "avx512bw", "avx512vl",
    "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8", "asimd", "asimddp", "sve", "sve2",
    "bf16",
  ]

  static var ofThisMachine: Self {
    // /proc tells Linux's files no length, so they are read by another way than others.
    let lines = ((try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "").split(separator: "\n")
    func value(_ names: [String]) -> String? {
      for line in lines {
        let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        if parts.count == 2, names.contains(parts[0]) { return parts[1] }
      }
      return nil
    }
    let features = Set((value(["flags", "Features"]) ?? "").split(separator: " ").map(String.init))
    return Self(
      model: value(["model name", "Model"]) ?? "unknown", cores: ProcessInfo.processInfo.activeProcessorCount,
      features: features.intersection(interesting).sorted())
  }
}
