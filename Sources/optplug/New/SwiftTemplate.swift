// A new plugin in Swift.

import Foundation

/// The files of a package that depends on OptPlug's.
struct SwiftTemplate {
  let name: PluginName
  let isWrapper: Bool
  /// The folder or the address of OptPlug's package.
  let package: String

  var files: [NewFile] {
    let module = name.module
    return [
      NewFile(path: "Package.swift", text: manifest),
      NewFile(path: "Sources/\(module)/\(module).swift", text: (isWrapper ? wrapper : optimizer) + entry),
      NewFile(path: "Tests/\(module)Tests/\(module)Tests.swift", text: test),
      NewFile(path: "README.md", text: readme), NewFile(path: ".gitignore", text: ".build/\n"),
    ]
  }

  /// The name by which a manifest refers to the package: the last part of its place.
  private var identity: String {
    let last = package.split(separator: "/").last.map(String.init) ?? package
    return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
  }

  private var manifest: String {
    let dependency =
      OptPlugPlace.isAddress(package) ? "url: \"\(package)\", branch: \"main\"" : "path: \"\(package)\""
    return """
      // swift-tools-version: 6.2
      import PackageDescription

      let package = Package(
        name: "\(name.text)",
        platforms: [.macOS(.v15)],
        products: [.library(name: "\(name.module)", type: .dynamic, targets: ["\(name.module)"])],
        dependencies: [.package(\(dependency))],
        targets: [
          // Embedded: the plugin needs no Swift where it runs. Add "-Xcc", "-march=x86-64-v3" for fused multiply-add in
          // hardware: faster, but only where the processor has it.
          .target(
            name: "\(name.module)", dependencies: [.product(name: "OptimizerKit", package: "\(identity)")],
            swiftSettings: [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-O"])],
            linkerSettings: [.linkedLibrary("m"), .unsafeFlags(["-use-ld=lld"], .when(platforms: [.linux]))]),
          // Loads the built plugin as a trainer does, so it does not depend on the target.
          .testTarget(
            name: "\(name.module)Tests",
            dependencies: [\(testDependencies)]),
        ])

      """
  }

  /// A wrapper's test needs a base.
  private var testDependencies: String {
    (isWrapper ? ["OptimizerHost", "SGD"] : ["OptimizerHost"])
      .map { ".product(name: \"\($0)\", package: \"\(identity)\")" }.joined(separator: ", ")
  }

  private var readme: String {
    let file = ".build/release/lib\(name.module).so"
    let use = isWrapper ? "\(file)(decay=0.99, adam)" : "\(file)(lr=0.01)"
    return """
      # \(name.text)

      \(isWrapper ? "A wrapper" : "An optimizer") for OptPlug, in `Sources/\(name.module)/\(name.module).swift`.

          swift build -c release      # builds \(file)
          swift build && swift test   # trains with it
          optplug validate ./\(file)
          optplug inspect ./\(file)
          convtrain lenet --optimizer-plugin './\(use)'

      The formula is in `\(isWrapper ? "apply" : "update")`: put yours there, name its settings in `hyperparameters`, and the
      state that it keeps in `slots`.

      """
  }

  private var optimizer: String {
    """
    // \(name.text): gradient descent with momentum; put your formula here.

    import COptPlug
    import OptimizerKit

    /// Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5:
    /// ```
    /// v ← momentum · v + g,   p ← p − lr · v
    /// ```
    struct \(name.module)Formula<S: Scalar>: OneSlotFormula {
      static var about: About {
        About(name: "\(name.text)", version: "0.1.0", summary: "Gradient descent with momentum.")
      }

      static var hyperparameters: [Hyperparameter] {
        [
          .float("lr", 1e-2, min: 0, doc: "Step size."),
          .float("momentum", 0.9, min: 0, max: 1, doc: "Share of the velocity that a step keeps."),
        ]
      }

      static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("velocity", .firstMoment)] }

      // The constants of a step: computed in double, each rounded once.
      let minusLR, momentum: S

      init(_ values: HyperparameterValues, step: Int) {
        minusLR = S(-values[0])
        momentum = S(values[1])
      }

      func update(_ p: inout S, _ g: S, _ v: inout S) {
        v = S.fma(v, momentum, g)
        p = S.fma(v, minusLR, p)
      }
    }

    """
  }

  private var wrapper: String {
    """
    // \(name.text): an average of the weights, to evaluate and export with; put your formula here.

    import COptPlug
    import OptimizerKit

    /// Polyak and Juditsky 1992, https://doi.org/10.1137/0330046. After each step of the base:
    /// ```
    /// a ← a + (1 − decay) · (p − a)
    /// ```
    struct \(name.module)Formula<S: Scalar>: WrapperFormula {
      static var about: About {
        About(name: "\(name.text)", version: "0.1.0", summary: "An average of the weights, for evaluation.")
      }

      static var hyperparameters: [Hyperparameter] {
        [.float("decay", 0.999, min: 0, max: 1, doc: "Share of the average that a step keeps.")]
      }

      // Parameters without a gradient are averaged too.
      static var traits: WrapperTraits { [.allParameters, .evaluationWeights] }

      static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("average", .parameterCopy)] }

      static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int? { 0 }

      // The constant of a step: computed in double, rounded once.
      let rate: S

      init?(_ values: HyperparameterValues, step: Int) { rate = S(1 - values[0]) }

      func apply(to piece: Piece<S>) {
        piece.forEach(piece.parameter, piece.slot(0)) { p, a in a = S.fma(p - a, rate, a) }
      }
    }

    """
  }

  private var entry: String {
    let formula = "\(name.module)Formula"
    return """

      @c @implementation
      public func optplug_entry_v1(
        _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
        _ error: UnsafeMutablePointer<optplug_error>?
      ) -> optplug_status {
        provide(library) { [\(isWrapper ? "wrapper" : "optimizer")(\(formula)<Float>.self, \(formula)<Double>.self, \(formula)<Recorded>.self)] }
      }

      """
  }
}
