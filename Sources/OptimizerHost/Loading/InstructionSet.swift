// Which instructions this processor has, against those that a plugin was compiled for.

import COptPlug
import BasicFoundation

/// The levels of x86-64 that a plugin's note can ask for.
enum InstructionSet {
  private static let levels: [(level: UInt32, name: String, flags: [String])] = [
    (
      OPTPLUG_INSTRUCTIONS_X86_64_V2, "x86-64-v2", ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]
    ),
    (
      OPTPLUG_INSTRUCTIONS_X86_64_V3, "x86-64-v3",
      ["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"]
    ),
    (
      OPTPLUG_INSTRUCTIONS_X86_64_V4, "x86-64-v4",
      ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]
    ),
  ]

  /// A level in words.
  static func name(_ level: UInt32) -> String {
    guard level != OPTPLUG_INSTRUCTIONS_BASELINE else { return "baseline" }
    return levels.first { $0.level == level }?.name ?? "number \(level)"
  }

  /// Refuses a level that this processor does not reach; a level that nobody knows is refused too. Where the system
  /// does not tell what the processor has, known levels pass.
  static func check(_ level: UInt32, processor: Set<String>? = processorFlags) throws {
    guard level != OPTPLUG_INSTRUCTIONS_BASELINE else { return }
    guard let named = levels.first(where: { $0.level == level }) else {
      throw Refusal.instructionSet("instruction set number \(level)", missing: ["support known to this host"])
    }
    guard let processor else { return }
    let missing = levels.filter { $0.level <= level }.flatMap(\.flags).filter { !processor.contains($0) }
    guard missing.isEmpty else { throw Refusal.instructionSet(named.name, missing: missing) }
  }

  /// The processor's features by the names Linux gives them; nil when the system does not tell.
  static let processorFlags: Set<String>? = {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let flags = lines.first { $0.hasPrefix("flags") }?.split(separator: ":").last?.split(separator: " ")
    return flags.map { Set($0.map(String.init)) }
  }()
}
