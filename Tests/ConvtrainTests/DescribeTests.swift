// convtrain describe: the table, the JSON object, and what is refused.

import Foundation
import TestSupport
import Testing

@Suite struct DescribeTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
  }

  /// LeNet on digits by hand: 48·25 + 48, 96·48·25 + 96, 2400·512 + 512, 512·10 + 10 parameters.
  @Test func table() throws {
    let outcome = try program.run("describe", "lenet", "--input", "1x28x28", "--batch-size", "8")
    #expect(outcome.status == 0 && outcome.error == "", "\(outcome.error)")
    func line(_ start: Substring) -> [Substring] {
      outcome.output.split(separator: "\n").map { $0.split(separator: " ") }.first { $0.first == start } ?? []
    }
    #expect(line("layer").contains("parameters"))
    #expect(line("conv1").contains("48x28x28") && line("conv1").contains("1,248"))
    #expect(line("conv1").last == "940,800", "48·28·28·25 multiply-adds")
    #expect(line("fc1").contains("1,229,312") && line("fc2").contains("5,130"))
    #expect(line("parameters").last == "1,350,986")
    for text in ["images of 1x28x28, 10 classes", "batches of 8", "optimizer state is extra"] {
      #expect(outcome.output.contains(text), "\(outcome.output)")
    }
  }

  @Test func json() throws {
    let outcome = try program.run(
      "describe", "MLP", "--input", "3x32x32", "--classes", "7", "--hidden-sizes", "20,9", "--batch-norm",
      "--json", "--batch-size", "4", "--threads", "1")
    #expect(outcome.status == 0 && outcome.error == "", "\(outcome.error)")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    #expect(object["arch"] as? String == "mlp" && object["input"] as? String == "3x32x32")
    #expect(object["classes"] as? Int == 7 && object["batch_size"] as? Int == 4)
    // Weights, biases, and two numbers of each unit's batch norm.
    let products = 3072 * 20 + 20 * 9 + 9 * 7
    let parameters = products + 20 + 9 + 7 + 2 * (20 + 9)
    #expect(object["parameters"] as? Int == parameters && object["parameter_bytes"] as? Int == 4 * parameters)
    #expect(object["multiply_adds"] as? Int == products && object["flops"] as? Int == 2 * products)
    let layers = try #require(object["layers"] as? [[String: Any]])
    #expect(layers.last?["output_shape"] as? [Int] == [7])
    #expect(layers.reduce(0) { $0 + ($1["parameter_count"] as? Int ?? 0) } == parameters)
    let options = try #require(object["options"] as? [String: Any])
    #expect(options["hidden_sizes"] as? [Int] == [20, 9] && options["batch_norm"] as? Bool == true)
  }

  @Test(
    arguments: [
      (64, [], ["<arch>"]),
      (64, ["lenet5"], ["lenet5", "lenet", "convnext-tiny"]),
      (64, ["lenet", "--input", "28x28"], ["28x28", "--input", "Channels, height and width"]),
      (64, ["lenet", "--input", "1x28xtall"], ["1x28xtall"]),
      (64, ["lenet", "--input", "1x0x28"], ["height is 0; use a value in 1...4096"]),
      (64, ["lenet", "--classes", "1"], ["classes is 1; use a value in 2...1000000"]),
      (64, ["lenet", "--batch-size", "0"], ["batchSize is 0; use a value in 1...65536"]),
      (64, ["lenet", "--threads", "0"], ["threads is 0; use a value in 1...1024"]),
      (64, ["resnet18", "--hidden-sizes", "8"], ["resnet18 has no use for hidden sizes: leave it out"]),
      (64, ["lenet", "--drop-path", "0.1"], ["lenet has no use for drop path: leave it out"]),
      (64, ["lenet", "--dropout", "0.1"], ["lenet has no use for dropout: leave it out"]),
      (64, ["alexnet", "--dropout", "1"], ["dropout 1.0 is out of range; use 0 or more and below 1"]),
      (64, ["mlp", "--hidden-sizes", "8,x"], ["8,x", "--hidden-sizes"]),
      (64, ["mlp", "--pooling", "max"], ["mlp has no use for pooling: leave it out, or choose lenet"]),
      (64, ["lenet", "--pooling", "median"], ["--pooling", "median", "max", "average"]),
      (65, ["lenet", "--input", "1x8x8"], ["lenet cannot take 1x8x8 images", "at least 12x12"]),
    ] as [(Int32, [String], [String])]) func refusals(status: Int32, arguments: [String], texts: [String])
    throws
  {
    let outcome = try program.start(["describe"] + arguments).finish()
    #expect(outcome.status == status && outcome.output == "", "\(outcome.error)")
    for text in texts { #expect(outcome.error.contains(text), "\(outcome.error)") }
  }
}
