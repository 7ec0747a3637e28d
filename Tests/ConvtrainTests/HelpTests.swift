// The help text, word for word: a change of it is a change that users see.

import TestSupport
import Testing

@Suite struct HelpTests {
  @Test func help() throws {
    let outcome = try Program("convtrain").run("--help")
    #expect(outcome.status == 0 && outcome.error == "")
    #expect(outcome.output == expectedHelp)
  }

  @Test func usageErrorsShowTheUsage() throws {
    let outcome = try Program("convtrain").run("--epochs")
    #expect(outcome.status == 64 && outcome.output == "")
    #expect(outcome.error.contains("Usage: convtrain [<arch>] [<options>]"))
  }
}

private let expectedHelp = """
  OVERVIEW: Trains a small convolutional network with an optimizer loaded as a
  plugin.

  With no arguments: LeNet on built-in digits with Adam; no files needed.

    convtrain lenet --lookahead
    convtrain resnet18 --data mnist --optimizer-plugin './my.so(lr=0.01)'
    convtrain lenet --save lenet.safetensors
    convtrain lenet --load lenet.safetensors --skip-train --confusion-matrix

  The learning rate halves from 50 % of the epochs on and is a tenth from 75 %
  on, in runs of four epochs or more. A hyperparameter takes the first value
  stated by: --opt; --lr or --weight-decay; the optimizer expression; convtrain's
  defaults for lr and weight_decay; the plugin's own default. The same arguments
  and number of threads give the same bits.

  Progress goes to stderr, the result to stdout. Ctrl-C ends the run after the
  current step.

  Exit status: 0 success; 1 failed run (diverged, or the result cannot be
  written); 64 wrong usage; 65 bad data; 66 missing input; 69 a plugin cannot be
  used; 70 internal error; 130 interrupted.

  USAGE: convtrain [<arch>] [<options>]

  ARGUMENTS:
    <arch>                  The network. (values: lenet, baseline, resnet18;
                            default: lenet)

  DATA:
    --data <builtin|folder> 'builtin' (drawn digits), or a folder with the four
                            IDX files of MNIST, Fashion-MNIST, KMNIST or an
                            EMNIST split, raw or .gz. (default: builtin)
    --val-split <share>     Share of the training images held back for
                            validation, 0..<1. (default: 0.1)

  OPTIMIZER:
    --optimizer-plugin <expression>
                            Optimizer: a name, a path, or an expression such as
                            'sgd(momentum=0.9)' or './my.so:adamw'. (default:
                            adam)
    --opt <name=value>      Sets a hyperparameter; may be given several times.
    --lr <rate>             Learning rate, 0 or more. (default: 0.0005)
    --weight-decay <rate>   Weight decay, 0 or more. (default: 0.0001)
    --no-decay-bias-norm    No weight decay for biases and norm parameters.
    --allow-insecure        Loads plugins although other users could have changed
                            them.
    --lookahead             Wraps the optimizer in Lookahead; its slow weights
                            are validated, tested and saved.
    --lookahead-k <steps>   Lookahead: steps between synchronisations, 1 or more.
                            (default: 5)
    --lookahead-alpha <share>
                            Lookahead: share of the way to the fast weights, 0…1.
                            (default: 0.5)

  TRAINING:
    --epochs <count>        Passes over the training images, 1 or more. (default:
                            8)
    --batch-size <count>    Images per step, 1…65536. (default: 64)
    --grad-clip <norm>      Scales gradients down to this global norm, above 0.
                            (default: no limit)
    --limit-batches <count> The most steps of an epoch, 1 or more. (default: no
                            limit)
    --seed <number>         Of initial weights, split, order and dropout.
                            (default: 42)
    --threads <count>       Threads, 1…1024. (default: all cores)
    --gpu                   Accepted; this build has no GPU backend and uses the
                            CPU.

  RESULTS:
    --save <file>           Writes the weights after training, as safetensors
                            with PyTorch's names.
    --load <file>           Starts from weights that --save wrote.
    --skip-train            Only tests, which makes sense with --load.
    --trace <file>          Writes every call of the optimizer's functions for
                            Perfetto or Chrome, and sums to stderr.
    --trace-limit <count>   The most calls that --trace writes, 0 or more.
                            (default: 1000000)
    --confusion-matrix      Adds the confusion matrix of the test images.
    --json                  Prints the result as one JSON object and nothing else
                            on stdout.

  OPTIONS:
    -h, --help              Show help information.


  """
