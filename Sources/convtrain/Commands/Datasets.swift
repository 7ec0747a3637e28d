// convtrain datasets: what can be fetched by name, fetching it, and checking what is there.

import ArgumentParser
import Datasets
import Terminal

struct DatasetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "datasets", abstract: "Lists, fetches and verifies known data sets.",
    subcommands: [List.self, Fetch.self, Verify.self], defaultSubcommand: List.self)

  /// Where data sets are.
  struct Place: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Folder of data sets. (default: $OPTPLUG_DATA, or ~/.cache/optplug/datasets)", valueName: "folder"),
      completion: .directory)
    var to: String?

    var home: DatasetHome { to.map(DatasetHome.init(path:)) ?? .standard() }
  }

  /// A known data set on the command line.
  struct Name: ExpressibleByArgument {
    let dataset: KnownDataset

    init?(argument: String) {
      guard let dataset = KnownDataset(name: argument) else { return nil }
      self.dataset = dataset
    }

    static var allValueStrings: [String] { KnownDataset.all.map(\.name) }
    static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Known data sets, and which are here.")
    @OptionGroup var place: Place

    func run() throws {
      try perform {
        let fetcher = DatasetFetcher(home: place.home)
        var rows = [["name", "content", "to fetch", "here", "terms"]]
        for dataset in KnownDataset.all {
          let sizes = dataset.files.compactMap(\.size)
          let sum = Format.bytes(sizes.reduce(0, +))
          rows.append([
            dataset.name, dataset.summary, sizes.count == dataset.files.count ? sum : "over \(sum)",
            fetcher.presence(of: dataset).rawValue, dataset.terms,
          ])
        }
        try Console.output(Format.columns(rows) + "\nin \(place.home.path)")
      }
    }
  }

  struct Fetch: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fetches data sets; what is here and good is not fetched again.")
    @Argument(help: ArgumentHelp("Known names.", valueName: "name"), completion: Name.defaultCompletionKind)
    var names: [Name]
    @OptionGroup var place: Place
    @Option(
      help: ArgumentHelp(
        "Address of a folder with the files, in place of the published ones.", valueName: "url"))
    var mirror: String?

    func validate() throws {
      guard let mirror else { return }
      guard mirror.hasPrefix("http://") || mirror.hasPrefix("https://") else {
        throw ValidationError(
          "--mirror \(mirror) is no address; give one that begins with https:// or http://")
      }
    }

    func run() throws {
      try perform {
        let fetcher = DatasetFetcher(home: place.home, mirror: mirror)
        func clearLine() { if Console.errorIsTerminal { Console.raw("\r\u{1B}[K") } }
        defer { clearLine() }
        for name in names {
          try fetcher.fetch(name.dataset) { file, count, size in
            guard Console.errorIsTerminal else { return }
            let whole = size.map { " of \(Format.bytes($0))" } ?? ""
            Console.raw("\r\u{1B}[K\(file): \(Format.bytes(count))\(whole)")
          }
          clearLine()
          try Console.output(
            "\(name.dataset.name): complete in \(place.home.directory(of: name.dataset.name))")
        }
      }
    }
  }

  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Checks sizes and checksums; status 65 unless all are good.")
    @Argument(
      help: ArgumentHelp("Known names. (default: all that are here)", valueName: "name"),
      completion: Name.defaultCompletionKind)
    var names: [Name] = []
    @OptionGroup var place: Place

    func run() throws {
      try perform {
        let fetcher = DatasetFetcher(home: place.home)
        let chosen =
          names.isEmpty ? KnownDataset.all.filter { fetcher.presence(of: $0) != .none } : names.map(\.dataset)
        guard !chosen.isEmpty else {
          try Console.output(
            "no data set is in \(place.home.path); fetch one with: convtrain datasets fetch mnist")
          return
        }
        var rows = [["data set", "file", "state"]]
        var bad: [String] = []
        for dataset in chosen {
          for (file, state) in try fetcher.states(of: dataset) {
            rows.append([dataset.name, file.name, state.rawValue])
            if state != .good, state != .unpacked, bad.last != dataset.name { bad.append(dataset.name) }
          }
        }
        try Console.output(Format.columns(rows))
        guard bad.isEmpty else {
          let words = bad.joined(separator: " ")
          Console.error(
            "Error: not all files are good; fetch them again with: convtrain datasets fetch \(words)")
          throw ExitStatus.badData.exitCode
        }
      }
    }
  }
}

/// Runs a command and shows its error as the trainer's are shown.
private func perform(_ body: () throws -> Void) throws {
  Console.prepare()
  do {
    try body()
  } catch let code as ExitCode {
    throw code
  } catch {
    let failure = Failure(error)
    Console.error("Error: \(failure.message)")
    throw failure.status.exitCode
  }
}
