// convtrain: trains a convolutional network with an optimizer loaded from a shared object.

import ArgumentParser
import Terminal
import Training

@main
struct Convtrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convtrain",
    abstract: "Trains a small convolutional network with an optimizer loaded as a plugin.",
    usage: """
      convtrain [<arch>] [<options>]
      convtrain <subcommand> …
      """,
    discussion: """
      With no arguments: LeNet on built-in digits with Adam; no files needed.

        convtrain lenet --lookahead
        convtrain resnet18 --data mnist --optimizer-plugin './my.so(lr=0.01)'
        convtrain lenet --save lenet.safetensors
        convtrain lenet --load lenet.safetensors --skip-train --confusion-matrix

      A hyperparameter takes the first value stated by: the last --group that matches the parameter; --no-decay; \
      --opt; --lr or --weight-decay; the optimizer expression; convtrain's defaults for lr and weight_decay; the \
      plugin's own default. The same arguments and number of threads give the same bits.

      Progress goes to stderr, the result to stdout. Ctrl-C ends the run after the current step; \
      --resume goes on.

      Exit status: 0 success; 1 failed run (diverged, or something cannot be written); 64 wrong usage; 65 bad \
      data; 66 missing input; 69 a plugin cannot be used; 70 internal error; 73 the run folder is there already; \
      130 interrupted, 143 terminated, with a checkpoint.
      """,
    subcommands: Subcommands.all)

  @Argument(
    help: ArgumentHelp("The network.", valueName: "arch"),
    completion: .list(ArchitectureName.allValueStrings + Subcommands.all.map { $0._commandName } + ["help"]))
  var architecture = ArchitectureName.lenet

  @OptionGroup(title: "Network") var structure: StructureOptions
  @OptionGroup(title: "Data") var data: DataOptions
  @OptionGroup(title: "Augmentation") var augmentation: AugmentationOptions
  @OptionGroup(title: "Optimizer") var optimizer: OptimizerOptions
  @OptionGroup(title: "Parameter groups") var groups: GroupOptions
  @OptionGroup(title: "Training") var training: LoopOptions
  @OptionGroup(title: "Learning rate") var schedule: ScheduleOptions
  @OptionGroup(title: "Loss and gradients") var gradients: GradientOptions
  @OptionGroup(title: "Stopping and checking") var stopping: StoppingOptions
  @OptionGroup(title: "Runs and checkpoints") var checkpoints: CheckpointOptions
  @OptionGroup(title: "Results") var results: ResultOptions
  @OptionGroup(title: "Display") var display: DisplayOptions

  func validate() throws {
    guard results.trace == nil || optimizer.jit != true else {
      throw ValidationError(
        "--trace records the calls of the optimizer's own code, which --jit replaces; leave one of both out")
    }
    guard display.tensorboard, display.tensorboardDir == nil else { return }
    for (option, isGiven) in [("--no-run-dir", checkpoints.noRunDir), ("--skip-train", results.skipTrain)]
    where isGiven {
      throw ValidationError(
        "--tensorboard writes into the run directory, and with \(option) there is none; name a folder with "
          + "--tensorboard-dir")
    }
  }

  /// Settings may come from files: they are put before the parser as if they had been typed.
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if Subcommands.take(arguments) { return Subcommands.main(arguments) }
    if asksForBashCompletions(arguments) { return print(bashCompletions) }
    if arguments == ["help"] { return main(["--help"]) }
    // Before anything else: the program begins anew.
    ThreadWaiting.beBrief()
    do {
      try Subcommands.check(arguments)
      main(try Invocation.current.get().tokens)
    } catch let error as ValidationError {
      exit(withError: error)
    } catch {
      let failure = Failure(error)
      Console.error("Error: \(failure.message)")
      exit(withError: failure.status.exitCode)
    }
  }

  func run() throws {
    Console.prepare()
    do {
      try Run(self).perform()
    } catch let failure as Failure {
      Console.error("Error: \(failure.message)")
      throw failure.status.exitCode
    }
  }
}
