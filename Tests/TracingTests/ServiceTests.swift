// What the host hands to plugins: services, phases, passes and slots of the model.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct ServiceTests {
  private static let plugin = Result {
    try CPlugin.compile(source: Repository.file("Tests/TracingTests/Fixtures/services.c"))
  }

  /// Three steps, of which the second evaluates the loss twice.
  private func train(_ trace: Trace?) throws -> ([Float], [NamedTensor]) {
    let gradient = Tensor<Float>("gradient", mixedValues(stream: 2, count: 5000))
    let training = try Training(
      try Self.plugin.get().path, [Tensor<Float>("w", mixedValues(stream: 1, count: 5000))], threads: 2,
      pieceElements: 4096, trace: trace)
    for i in 1...3 {
      try training.optimizer.step(gradients: [gradient.pointer], loss: 1 / Double(i)) { 0.25 }
    }
    return (training.tensors[0].values, training.optimizer.state())
  }

  @Test func servicesAreTracedAndUnchanged() throws {
    let trace = try Trace()
    let (weights, state) = try train(trace)
    let (plainWeights, plainState) = try train(nil)
    #expect(digest(weights) == digest(plainWeights) && state == plainState)

    let file = try TraceFile(trace)
    let parents = zip(file.calls, file.parents()).filter { $0.0.category == "host" }
    for (call, parent) in parents where call.name.contains("/") {
      #expect(["services.step", "services.create"].contains(parent?.name), "\(call.name)")
    }
    let message = try #require(file.calls("host.log/1.write").first)
    #expect(message.text("message") == "made" && message.number("level") == 0)
    let ids = file.calls("host.get_extension").compactMap { $0.text("id") }
    #expect(
      ids == [
        "optplug.log/1", "optplug.parallel-for/1", "optplug.matrix-product/1", "optplug.random/1",
      ])
    // Two sweeps for each of the four passes; the second one of each uses numbers and loops.
    let steps = file.calls("services.step")
    #expect(Set(steps.map { $0.number("phase") }) == [0, 1])
    #expect(Set(steps.filter { $0.number("step") == 2 }.map { $0.number("pass") }) == [0, 1])
    let loops = file.calls("host.parallel-for/1.run")
    #expect(loops.reduce(0) { $0 + ($1.number("count") ?? 0) } == 4 * 5000)
    let words = file.calls("host.random/1.words")
    #expect(words.count == loops.count && words.allSatisfy { $0.number("first") == 5 })

    #expect(file.calls("host.set_phases").first?.number("phases") == 2)
    #expect(file.calls("host.set_phases").first?.number("reductions") == 1)
    #expect(file.calls("host.set_scratch").first?.number("bytes_per_element") == 4)
    #expect(file.calls("host.add_model_slot").first?.text("slot") == "totals")
    let decisions = file.calls("services.decide")
    #expect(decisions.map { $0.number("step") } == [1, 2, 2, 3])
    #expect(decisions.map { $0.number("pass") } == [0, 0, 1, 0])
    #expect(decisions.map { $0.number("verdict") } == [0, 1, 0, 0])
  }

  /// A struct by value among the arguments, and matrices by their shape. A machine without a BLAS has no products.
  @Test func matrixProductsShowTheirShapes() throws {
    let trace = try Trace()
    _ = try train(trace)
    let file = try TraceFile(trace)
    let found = file.calls("host.get_extension").first { $0.text("id") == "optplug.matrix-product/1" }
    guard found?.arguments["found"] as? Bool == true else { return }
    let products = file.calls("host.matrix-product/1.multiply")
    #expect(products.count == file.calls("services.step").count)
    let product = try #require(products.first)
    #expect(product.text("dtype") == "float32" && product.arguments["alpha"] as? Double == 0.5)
    #expect(product.text("a") == "3 x 2 transposed" && product.text("b") == "3 x 2")
    #expect(product.text("c") == "2 x 2" && product.number("status") == 0)
  }
}
