// Scripts that complete convtrain's command lines in a shell.

import ArgumentParser
import Foundation

extension Convtrain {
  /// Whether bash's script is asked for, which needs a change.
  static func asksForBashCompletions(_ arguments: [String]) -> Bool {
    [["--generate-completion-script", "bash"], ["--generate-completion-script=bash"]].contains(arguments)
  }

  /// The parser's script takes the first word for the network, always, since convtrain has a positional argument as well
  /// as subcommands; behind `convtrain describe` it would offer the trainer's options. Here a first word that is a
  /// subcommand is looked for before.
  static var bashCompletions: String {
    let place = "    local -a unparsed_words=(\"${COMP_WORDS[@]:1:${COMP_CWORD}}\")\n"
    let names = Subcommands.all.map { $0._commandName }.joined(separator: "|")
    let branch = """

          case "${unparsed_words[0]}" in
          \(names))
              if [[ "${COMP_CWORD}" -gt 1 ]]; then
                  local -a repeating_flags non_repeating_flags repeating_options non_repeating_options
                  local -r first_word="${unparsed_words[0]}"
                  unparsed_words=("${unparsed_words[@]:1}")
                  "_convtrain_${first_word}"
                  return
              fi
              ;;
          esac

      """
    return completionScript(for: .bash).replacingOccurrences(of: place, with: place + branch)
  }
}
