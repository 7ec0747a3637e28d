// Everything that can go wrong between an expression and a step.

import BasicFoundation

/// Why an optimizer could not be made, changed, restored or stepped.
public enum OptimizerError: Error, Equatable, CustomStringConvertible {
  /// An optimizer expression is malformed; `position` counts characters from 0.
  case expression(_ text: String, position: Int, problem: String)
  /// No plugin describes an optimizer of this name.
  case unknownOptimizer(_ name: String, problem: String)
  /// A file cannot be used as a plugin.
  case plugin(_ path: String, Refusal)
  /// A hyperparameter does not exist or does not take the value.
  case hyperparameter(_ name: String, problem: String)
  /// The parameters handed in do not make sense or do not suit the optimizer.
  case parameters(_ problem: String)
  /// Saved state does not fit.
  case state(_ tensor: String, problem: String)
  /// A plugin's function failed.
  case call(_ optimizer: String, function: String, problem: String)
  /// The gradients cannot be clipped, since their norm is infinite or not a number.
  case norm(Double)
  /// An optimizer's update is not there as data.
  case formula(_ optimizer: String, problem: String)
  /// A program cannot be compiled, kept or loaded.
  case program(_ problem: String)
  /// Programs cannot be run on a GPU here.
  case gpu(_ problem: String)
  /// A function of the GPU's driver failed.
  case device(_ function: String, problem: String)
  /// Calls cannot be traced.
  case tracing(_ problem: String)

  public var description: String {
    switch self {
    case .expression(let text, let position, let problem):
      "optimizer expression: \(problem), at character \(position + 1)\n  \(text)\n  "
        + String(repeating: " ", count: position) + "^"
    case .unknownOptimizer(let name, let problem): "optimizer '\(name)': \(problem)"
    case .plugin(let path, let refusal): "plugin \(path): \(refusal)"
    case .hyperparameter(let name, let problem): "hyperparameter '\(name)': \(problem)"
    case .parameters(let problem): "parameters: \(problem)"
    case .state(let tensor, let problem): "optimizer state '\(tensor)': \(problem)"
    case .call(let optimizer, let function, let problem):
      "optimizer '\(optimizer)': \(function) failed: \(problem)"
    case .norm(let norm):
      "gradients: their norm is \(norm), so they cannot be clipped; a gradient holds values that are not finite"
    case .formula(let optimizer, let problem): "formula of '\(optimizer)': \(problem)"
    case .program(let problem): "program: \(problem)"
    case .gpu(let problem): "GPU: \(problem)"
    case .device(let function, let problem): "GPU: \(function) failed: \(problem)"
    case .tracing(let problem): "trace: \(problem)"
    }
  }
}

/// Why a file cannot be used as a plugin.
public enum Refusal: Error, Equatable, Sendable, Codable, CustomStringConvertible {
  case notFound
  case unreadable(String)
  case directory
  case notRegularFile
  case empty
  case notSharedObject
  case notLibrary
  case truncated
  case otherMachine(found: String, host: String)
  case noEntrySymbol
  case damagedNote
  case instructionSet(String, missing: [String])
  case newerABI(required: UInt32, built: UInt32, host: UInt32)
  case otherMajor(UInt32)
  case unknownCapability(optimizer: String, bits: [Int])
  case missingDependency(String)
  case loader(String)
  case entry(String)
  case descriptor(String)
  case noSuchOptimizer(String, available: [String])
  case severalOptimizers([String])
  /// Other users could have put or changed the file.
  case insecure(String)
  /// The file's code cannot be tried out of the host's way.
  case untried(String)
  case crashes(ProbeStage, signal: Int32)
  case exits(ProbeStage, status: Int32)
  case hangs(ProbeStage, seconds: Double)
  /// What an earlier try of the same content found.
  indirect case remembered(Refusal)

  public var description: String {
    switch self {
    case .notFound: "no such file; check the path"
    case .unreadable(let reason): "cannot be read: \(reason); check the path and its permissions"
    case .directory: "is a directory; name the .so file inside it"
    case .notRegularFile: "is not a regular file (a pipe, a device or a socket); name a .so file"
    case .empty: "is empty; build the plugin again"
    case .notSharedObject: "is not a shared object; build it with cc -shared -fPIC"
    case .notLibrary: "is an ELF file but not a shared library; build it with cc -shared -fPIC"
    case .truncated: "is cut short or damaged; copy or build it again"
    case .otherMachine(let found, let host):
      "is built for \(found), but this machine is \(host); build it for this machine"
    case .noEntrySymbol:
      "is not an optimizer plugin: it does not export optplug_entry_v1; name a plugin, or define that function as "
        + "optplug.h says"
    case .damagedNote:
      "carries a note that is damaged; write OPTPLUG_PLUGIN_NOTE of optplug.h once in its source and build it again"
    case .instructionSet(let level, let missing):
      "is compiled for \(level), but this processor lacks \(missing.joined(separator: ", ")); "
        + "build it for an older instruction set"
    case .newerABI(let required, let built, let host):
      "needs ABI 1.\(required) (built with 1.\(built)), but this host has 1.\(host); update the host"
    case .otherMajor(let major):
      "is built for ABI \(major), but this host has ABI 1; build it with this host's optplug.h"
    case .unknownCapability(let optimizer, let bits):
      "'\(optimizer)' needs a host that knows capability \(bits.map(String.init).joined(separator: " and ")); "
        + "update the host"
    case .missingDependency(let library):
      "needs \(library), which is not found; install it or add its folder to LD_LIBRARY_PATH"
    case .loader(let message): "cannot be loaded: \(message); build it again on this machine"
    case .entry(let message): "optplug_entry_v1 failed: \(message)"
    case .descriptor(let problem): "describes itself wrongly: \(problem); report it to the plugin's author"
    case .noSuchOptimizer(let name, let available):
      "has no optimizer '\(name)'; it has \(available.joined(separator: ", "))."
        + suggestion(for: name, among: available)
    case .severalOptimizers(let names):
      "holds several optimizers; add ':' and the name of one of \(names.joined(separator: ", ")) to the path"
    case .insecure(let problem):
      "is not safe to load: \(problem), or allow such files with --allow-insecure"
    case .untried(let reason):
      "was not loaded, since it is unknown and \(reason); name the file by its path, or install optplug-probe beside "
        + "the program or say where it is in OPTPLUG_PROBE"
    case .crashes(let stage, let signal):
      "crashes \(stage.words) (\(strsignal(signal).map { String(cString: $0) } ?? "signal \(signal)")); mend it: a debugger on 'optplug-probe FILE' "
        + "shows the place"
    case .exits(let stage, let status):
      "ends the process \(stage.words) (exit status \(status)); mend it: a plugin never exits"
    case .hangs(let stage, let seconds):
      "hangs \(stage.words): it was ended after \(seconds) s; mend it: a debugger on 'optplug-probe FILE' shows the place"
    case .remembered(let refusal):
      "\(refusal) (as found before; 'optplug list --retry' tries again)"
    }
  }
}
