// Each of the four new folders builds, passes its own test and all of validate's, and trains.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite(.serialized) struct NewTests {
  private let program: Program

  init() throws { program = try Program("optplug") }

  private func make(_ name: String, _ arguments: String...) throws {
    let outcome = try program.start(["new", name] + arguments).finish()
    try #require(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.output.hasPrefix("\(name)/\n"))
    #expect(outcome.output.contains("Next: cd \(name) && "))
  }

  /// Two steps of descent with momentum 0.5 and lr 0.5: the weights lose 0.5 g and 0.75 g. And down a bowl.
  private func expectMomentum<T: BitPatterned>(_ plugin: String, _: T.Type) throws {
    let training = try Training("\"\(plugin)\"(lr=0.5, momentum=0.5)", [Tensor("w", [T(1), T(3)])])
    for _ in 0..<2 { try training.step([[1, -2]]) }
    #expect(training.tensors[0].values == [-0.25, 5.5])
    #expect(training.state("w/velocity") == [1.5, -3])
    try expectDescent("\"\(plugin)\"(lr=0.1)")
  }

  /// The average goes half of the way each time, over plain descent; and it is what is evaluated.
  private func expectAverage<T: BitPatterned>(_ plugin: String, _: T.Type) throws {
    let training = try Training(
      "\"\(plugin)\"(decay=0.5, sgd(lr=1))", [Tensor("w", [T(1), T(3)]), Tensor("still", [T(7)])])
    for _ in 0..<2 { try training.step([[1, -2], nil]) }
    #expect(training.tensors[0].values == [-1, 7])
    let average = try training.optimizer.withEvaluationWeights { training.tensors.map(\.values) }
    #expect(average == [[-0.25, 5.5], [7]])
    #expect(training.tensors[0].values == [-1, 7])
    try expectDescent("\"\(plugin)\"(decay=0.9, adam(lr=0.05))")
    try expectDescent("\"\(plugin)\"(decay=0.9, lookahead(k=3, sgd(lr=0.1)))")
  }

  private func expectDescent(_ expression: String) throws {
    let training = try Training(expression, [Tensor<Float>("w", [1, -1, 0.5])])
    for _ in 0..<300 { try training.step([training.tensors[0].values]) }
    #expect(training.tensors[0].values.allSatisfy { abs($0) < 1e-2 }, "\(training.tensors[0].values)")
  }

  /// It keeps to what hosts rely on, and a network learns with it.
  /// - Parameter expression: of an optimizer in which % is the plugin.
  private func expectValidAndTrains(_ plugin: String, _ expression: String) throws {
    let validation = try program.run("validate", plugin)
    #expect(validation.status == 0, "\(validation.output)\(validation.error)")
    let outcome = try Program("convtrain").run(
      "lenet", "--optimizer-plugin", expression.replacing("%", with: "\"\(plugin)\""), "--epochs", "1",
      "--limit-batches",
      "60", "--json", "--quiet", "--no-run-dir")
    #expect(outcome.status == 0, "\(outcome.error)")
    let result = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    // A guess is right once in ten times.
    #expect(try #require(result?["test_accuracy"] as? Double) > 0.5)
  }

  private func run(_ name: String, _ arguments: [String], in folder: String) throws {
    try Compiler(name).run(arguments, in: URL(fileURLWithPath: program.path(folder)))
  }

  @Test func anOptimizerInC() throws {
    try make("my-sgd", "--language", "c")
    try run("make", ["CFLAGS=-O2 -Werror"], in: "my-sgd")
    try run("make", ["test"], in: "my-sgd")
    let plugin = program.path("my-sgd/my-sgd.so")
    try expectMomentum(plugin, Float.self)
    try expectMomentum(plugin, Double.self)
    try expectValidAndTrains(plugin, "%(lr=0.01)")
  }

  @Test func aWrapperInC() throws {
    try make("my_mean", "--language", "c", "--wrapper")
    try run("make", ["CFLAGS=-O2 -Werror"], in: "my_mean")
    try run("make", ["test"], in: "my_mean")
    let plugin = program.path("my_mean/my_mean.so")
    try expectAverage(plugin, Float.self)
    try expectAverage(plugin, Double.self)
    try expectValidAndTrains(plugin, "%(decay=0.9, adam(lr=1e-3))")
  }

  /// The header may be stated, as that of an installation.
  @Test func theHeaderCanBeElsewhere() throws {
    let place = program.path("prefix")
    try FileManager.default.createDirectory(atPath: "\(place)/include", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Repository.file("include/optplug.h"), to: URL(fileURLWithPath: "\(place)/include/optplug.h"))
    try make("double", "--language", "c", "--optplug", place)
    let makefile = try String(decoding: program.contents("double/Makefile"), as: UTF8.self)
    #expect(makefile.contains("OPTPLUG ?= \(place)/include\n"))
    try run("make", [], in: "double")
    try expectMomentum(program.path("double/double.so"), Float.self)
  }

  @Test(.timeLimit(.minutes(60))) func anOptimizerInSwift() throws {
    try make("my-sgd2", "--language", "swift")
    try expectTestCompiles("my-sgd2", "MySgd2")
    try run("swift", ["build", "-c", "release"], in: "my-sgd2")
    let plugin = program.path("my-sgd2/.build/release/libMySgd2.\(suffix)")
    try expectMomentum(plugin, Float.self)
    try expectMomentum(plugin, Double.self)
    try expectValidAndTrains(plugin, "%(lr=0.01)")
  }

  @Test(.timeLimit(.minutes(60))) func aWrapperInSwift() throws {
    try make("my_mean", "--language", "swift", "--wrapper")
    try expectTestCompiles("my_mean", "MyMean")
    try run("swift", ["build", "-c", "release"], in: "my_mean")
    let plugin = program.path("my_mean/.build/release/libMyMean.\(suffix)")
    try expectAverage(plugin, Float.self)
    try expectAverage(plugin, Double.self)
    try expectValidAndTrains(plugin, "%(decay=0.9, adam(lr=1e-3))")
  }

  @Test func aPackageCanComeFromAnAddress() throws {
    try make("far", "--language", "swift", "--optplug", "https://example.org/ada/OptPlug.git")
    let manifest = try String(decoding: program.contents("far/Package.swift"), as: UTF8.self)
    #expect(manifest.contains(#".package(url: "https://example.org/ada/OptPlug.git", branch: "main")"#))
    #expect(manifest.contains(#"package: "OptPlug")"#))
  }

  private let suffix = Platform.usesELF ? "so" : "dylib"

  /// `swift test` in the folder would build the host anew, for minutes; so the test is compiled against this build's.
  private func expectTestCompiles(_ folder: String, _ module: String) throws {
    let (products, sources) = (BuildProducts.directory.path, Repository.file("Sources").path)
    // A Swift module asks for the C modules that it was built with.
    let maps = try [products, sources].flatMap { folder in
      try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)/module.modulemap" }
    }.filter { FileManager.default.fileExists(atPath: $0) }
    try run(
      "swiftc",
      [
        "-typecheck", "-warnings-as-errors", "-I", "\(products)/Modules", "-I",
        Repository.file("include").path,
      ]
        + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] } + [
          "Tests/\(module)Tests/\(module)Tests.swift"
        ], in: folder)
  }
}
