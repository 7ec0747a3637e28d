// convtrain describe: a network's layers, shapes, parameters, arithmetic and memory.

import ArgumentParser
import ConvNet
import Foundation
import Terminal

struct Describe: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Shows a network's layers, shapes, parameters, FLOPs and memory.",
    usage: "convtrain describe <arch> [<options>]",
    discussion: """
      Multiply-adds are those of convolutions and linear layers for one image forward; one is two FLOPs. \
      An image that is too small for the network ends in status 65, as such data do in training. \
      The memory is that of a training step with the batch size given, as convtrain plans it here.

        convtrain describe resnet18
        convtrain describe mlp --input 1x28x28 --hidden-sizes 256,64 --json
      """)

  @Argument(help: ArgumentHelp("The network.", valueName: "arch"))
  var architecture: ArchitectureName

  @Option(help: ArgumentHelp("Channels, height and width of an image.", valueName: "shape"))
  var input = ImageSize.standard

  @Option(help: ArgumentHelp("Classes, 2 or more.", valueName: "count"))
  var classes = 10

  @Option(help: ArgumentHelp("Images per step, 1…65536.", valueName: "count"))
  var batchSize = 128

  @Option(help: ArgumentHelp("Threads, 1…1024. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Prints one JSON object.")
  var json = false

  @OptionGroup(title: "Network") var structure: StructureOptions

  func run() throws {
    Console.prepare()
    do {
      let description = try NetworkDescription(
        architecture.architecture, input: input.shape, classes: classes, batchSize: batchSize,
        threads: threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount),
        options: structure.networkOptions)
      try Console.output(json ? description.json() : description.table())
    } catch {
      let failure = Failure(error)
      Console.error("Error: \(failure.message)")
      throw failure.status.exitCode
    }
  }
}

/// `3x32x32`: channels, height, width.
struct ImageSize: ExpressibleByArgument {
  let shape: InputShape

  static let standard = ImageSize(shape: InputShape(channels: 3, height: 32, width: 32))

  private init(shape: InputShape) { self.shape = shape }

  init?(argument: String) {
    let numbers = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map {
      Int($0)
    }
    guard numbers.count == 3, let channels = numbers[0], let height = numbers[1], let width = numbers[2]
    else {
      return nil
    }
    shape = InputShape(channels: channels, height: height, width: width)
  }

  var defaultValueDescription: String { shape.description }
}

extension NetworkDescription {
  fileprivate func table() -> String {
    let heading = ["layer", "kind", "output", "parameters", "multiply-adds"]
    let rows = layers.map { layer in
      [
        layer.name, layer.kind, layer.outputShape.map { "\($0)" }.joined(separator: "x"),
        layer.parameterCount == 0 ? "" : Format.count(layer.parameterCount),
        layer.multiplyAdds == 0 ? "" : Format.count(layer.multiplyAdds),
      ]
    }
    let totals = [
      (
        "network",
        "\(architecture.rawValue), images of \(input), \(Format.count(classes, "class", plural: "classes"))"
      ),
      ("parameters", Format.count(parameterCount)),
      (
        "FLOPs",
        "\(Format.count(flops)) an image forward (\(Format.count(multiplyAdds)) multiply-adds)"
      ),
      ("memory", "\(Format.bytes(trainingBytes)) to train with batches of \(batchSize):"),
      ("  parameters", Format.bytes(parameterBytes)),
      ("  gradients", Format.bytes(parameterBytes)),
      (
        "  activations",
        "\(Format.bytes(workingMemoryBytes)), with their gradients, shared where lifetimes allow"
      ),
      ("", "optimizer state is extra: adam's takes twice the parameters"),
    ]
    return aligned([heading] + rows) + "\n\n" + Format.table(totals)
  }

  /// Numbers at the right end of their columns.
  private func aligned(_ rows: [[String]]) -> String {
    let widths = (3...4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return Format.columns(
      rows.map { $0[..<3] + [Format.right($0[3], widths[0]), Format.right($0[4], widths[1])] })
  }

  fileprivate func json() throws -> String {
    struct Content: Encodable {
      let arch, input: String
      let classes, batchSize: Int
      let options: NetworkOptions
      let parameters, multiplyAdds, flops: Int
      let parameterBytes, gradientBytes, activationBytes, trainingBytes: Int
      let layers: [LayerDescription]
    }
    let content = Content(
      arch: architecture.rawValue, input: input.description, classes: classes, batchSize: batchSize,
      options: options, parameters: parameterCount, multiplyAdds: multiplyAdds, flops: flops,
      parameterBytes: parameterBytes, gradientBytes: parameterBytes, activationBytes: workingMemoryBytes,
      trainingBytes: trainingBytes, layers: layers)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(content), as: UTF8.self)
  }
}
