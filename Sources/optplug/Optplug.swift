// optplug: for the people who write optimizers; what is found, what it is, whether it is sound and how fast.

import ArgumentParser

@main
struct Optplug: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "optplug",
    abstract: "Finds, shows, makes and measures optimizer plugins.",
    discussion: """
      Results go to stdout, complaints to stderr.

      Exit status: 0 success; 1 a check failed, or the result cannot be written; 64 wrong usage; 65 bad data; \
      66 missing input; 69 a plugin cannot be used; 70 internal error; 73 something cannot be created; 130 \
      interrupted.
      """,
    // One line for each command, in the order in which an author needs them.
    subcommands: [
      List.self,
      Inspect.self,
      Validate.self,
      ValidateCase.self,
      New.self,
      Bench.self,
      TraceCommand.self,
    ])
}
