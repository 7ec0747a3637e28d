// swift-tools-version: 6.2
// The package manifest: the ABI, the libraries, the plugins, the tools and their tests.

import Foundation
import PackageDescription

// Fused multiply-add is part of what the formulas promise, and without the instruction it is a slow call. So code
// with loops is compiled for x86-64-v3 where this machine has it; on an older one the same bits come slower. Set
// OPTPLUG_MARCH to build for another machine (as "x86-64", or "" for the compiler's default).
let march: String = {
  if let chosen = Context.environment["OPTPLUG_MARCH"] { return chosen }
  #if arch(x86_64)
    let features = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    return features.contains(" avx2") && features.contains(" fma") && features.contains(" bmi2")
      ? "x86-64-v3" : ""
  #else
    return ""
  #endif
}()
let machine = march.isEmpty ? [] : ["-march=\(march)"]

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
/// Loops over elements: optimised in debug builds too, where they would be ten times slower.
let hot: [SwiftSetting] =
  strict + [
    .unsafeFlags(["-O"], .when(configuration: .debug)),
    .unsafeFlags((machine + ["-fno-math-errno"]).flatMap { ["-Xcc", $0] }),
  ]
/// Plugins need no Swift runtime, so that a host in any language can load them.
/// Each function stands for itself, so that the linker can leave out those of the kit that a plugin does not use.
let embedded: [SwiftSetting] =
  hot + [
    .enableExperimentalFeature("Embedded"), .unsafeFlags(["-Xfrontend", "-function-sections"]),
  ]

// A plugin exports its entry and nothing else. "Plugins" is our folder of optimizers; what SwiftPM calls plugins are
// build tools, hence the explicit path. Target names must be unique over all packages of a build, and a stranger's
// package that depends on OptimizerKit may well have a target Lion: so ours have a prefix, which files do not show.
func plugin(_ name: String, in folder: String) -> Target {
  .target(
    name: "OptPlug\(name)", dependencies: ["COptPlug", "OptimizerKit"], path: "\(folder)/\(name)",
    swiftSettings: embedded,
    linkerSettings: [
      .linkedLibrary("m"),
      .unsafeFlags(
        [
          "-use-ld=lld", "-Xlinker", "-s", "-Xlinker", "--gc-sections", "-Xlinker",
          "--version-script=\(Context.packageDirectory)/Plugins/plugin.map",
        ],
        .when(platforms: [.linux])),
    ])
}

let plugins = [
  "SGD", "Adam", "Lion", "RMSprop", "Adagrad", "NAdam", "RAdam", "LARS", "LAMB", "Adam8bit", "Adafactor",
  "Muon",
  "Lookahead", "EMA", "SAM", "ScheduleFree", "GradientCentralization",
]
/// For the tests of what the kit offers.
let testPlugins = ["TensorProbe"]

let package = Package(
  name: "OptPlug",
  platforms: [.macOS(.v15)],
  products: (plugins + testPlugins).map { .library(name: $0, type: .dynamic, targets: ["OptPlug\($0)"]) } + [
    .library(name: "OptimizerKit", targets: ["OptimizerKit"]),
    .library(name: "OptimizerHost", targets: ["OptimizerHost"]),
    // liboptplug.so where it is installed; a library and a program of one package may not have the same name.
    .library(name: "OptPlugHost", type: .dynamic, targets: ["HostLibrary", "CHostXLA"]),
    .executable(name: "convtrain", targets: ["convtrain"]),
    .executable(name: "optplug", targets: ["optplug"]),
    .executable(name: "optplug-probe", targets: ["optplug-probe"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // MARK: ABI
    .systemLibrary(name: "COptPlug", path: "include"),

    // MARK: Libraries
    .target(name: "COptimizerKit", cSettings: machine.isEmpty ? [] : [.unsafeFlags(machine)]),
    .target(name: "OptimizerKit", dependencies: ["COptPlug", "COptimizerKit"], swiftSettings: embedded),
    .target(name: "COptimizerHost", cSettings: machine.isEmpty ? [] : [.unsafeFlags(machine)]),
    .systemLibrary(
      name: "CFFI", pkgConfig: "libffi", providers: [.apt(["libffi-dev"]), .brew(["libffi"])]),
    .target(name: "BasicFoundation", swiftSettings: strict),
    .target(
      name: "OptimizerHost", dependencies: ["COptPlug", "COptimizerHost", "CFFI", "BasicFoundation"],
      swiftSettings: hot),
    .target(name: "Safetensors", dependencies: ["OptimizerHost"], swiftSettings: hot),
    .target(name: "CHostXLA", cSettings: [.headerSearchPath("../../include")]),
    .target(
      name: "HostLibrary", dependencies: ["COptPlug", "BasicFoundation", "OptimizerHost", "Safetensors"],
      exclude: ["exports.map"], swiftSettings: hot,
      linkerSettings: [
        .unsafeFlags(
          [
            "-use-ld=lld", "-Xlinker", "-soname=liboptplug.so.1", "-Xlinker",
            "--version-script=\(Context.packageDirectory)/Sources/HostLibrary/exports.map",
          ],
          .when(platforms: [.linux]))
      ]),
    .target(name: "CPluginValidator", dependencies: ["COptimizerHost"]),
    .target(name: "CAllocationWatch", dependencies: ["CPluginValidator"]),
    .target(
      name: "PluginValidator", dependencies: ["COptPlug", "CPluginValidator", "OptimizerHost"],
      swiftSettings: hot),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    .target(name: "FileLocking", swiftSettings: strict),
    .target(name: "Datasets", dependencies: ["CZlib", "CPNG", "CJPEG", "FileLocking"], swiftSettings: hot),
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),
    .target(
      name: "CImageLoops", cSettings: [.unsafeFlags(["-O3", "-fno-trapping-math"] + machine)]),
    .target(name: "ConvNet", dependencies: ["COneDNN", "CImageLoops"], swiftSettings: hot),
    .target(
      name: "Training", dependencies: ["OptimizerHost", "Safetensors", "Datasets", "ConvNet", "FileLocking"],
      swiftSettings: hot),
    .target(name: "Reporting", dependencies: ["Training", "Safetensors", "Datasets"], swiftSettings: strict),

    // MARK: Plugins
  ] + plugins.map { plugin($0, in: "Plugins") } + testPlugins.map { plugin($0, in: "Tests") } + [
    // MARK: Tools
    .target(
      name: "Terminal",
      dependencies: ["OptimizerHost", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: strict),
    .executableTarget(
      name: "optplug-probe", dependencies: ["BasicFoundation", "OptimizerHost"], swiftSettings: strict),
    .executableTarget(
      name: "optplug",
      dependencies: [
        "OptimizerHost", "PluginValidator", "CAllocationWatch", "Terminal", "CMemoryLimit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "convtrain",
      dependencies: [
        "Training", "Reporting", "Datasets", "OptimizerHost", "ConvNet", "Terminal",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),

    // MARK: Benchmarks
    .target(
      name: "CMemoryLimit", path: "Benchmarks/CMemoryLimit", cSettings: [.unsafeFlags(["-O3"] + machine)]),
    .executableTarget(
      name: "stepbench", dependencies: ["OptimizerHost", "COptPlug", "CMemoryLimit"],
      path: "Benchmarks/stepbench", swiftSettings: hot),
    .executableTarget(
      name: "trainbench", dependencies: ["Training", "OptimizerHost", "Datasets", "ConvNet"],
      path: "Benchmarks/trainbench", swiftSettings: strict),

    // MARK: Tests
    .target(
      name: "TestSupport", dependencies: ["OptimizerHost"], path: "Tests/TestSupport", swiftSettings: hot),
    .testTarget(
      name: "HeaderTests", dependencies: ["COptPlug", "OptimizerHost", "TestSupport"],
      exclude: ["Fixtures", "Lock"],
      swiftSettings: strict),
    .testTarget(
      name: "OptimizerHostTests",
      dependencies: ["COptPlug", "COptimizerHost", "OptimizerHost", "TestSupport", "optplug-probe"],
      exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "TracingTests", dependencies: ["COptPlug", "OptimizerHost", "TestSupport", "optplug"],
      exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "RepositoryTests", dependencies: ["OptimizerHost", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "PluginTests", dependencies: ["OptimizerHost", "TestSupport"], exclude: ["Fixtures", "Foreign"],
      swiftSettings: strict),
    .testTarget(
      name: "DocumentationTests", dependencies: ["OptimizerHost", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "PluginValidatorTests", dependencies: ["PluginValidator", "TestSupport"], exclude: ["Ends"],
      swiftSettings: strict),
    .testTarget(name: "ExampleTests", dependencies: ["OptimizerHost", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "HostLibraryTests", dependencies: ["COptPlug", "OptimizerHost", "Safetensors", "TestSupport"],
      swiftSettings: strict),
    .testTarget(name: "InstallTests", dependencies: ["OptimizerHost", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "FileLocking"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "ConvNetTests", dependencies: ["ConvNet"], exclude: ["Fixtures"], swiftSettings: hot),
    .testTarget(
      name: "TrainingTests",
      dependencies: ["Safetensors", "Training", "Datasets", "OptimizerHost", "ConvNet"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "ReportingTests", dependencies: ["Reporting", "Training", "Datasets", "TestSupport"],
      swiftSettings: strict),
    .executableTarget(
      name: "naive-trainer", dependencies: ["Training", "Datasets", "OptimizerHost"],
      path: "Tests/NaiveTrainer", swiftSettings: strict),
    .testTarget(
      name: "ConvtrainTests",
      dependencies: ["convtrain", "naive-trainer", "Training", "Datasets", "Safetensors", "TestSupport"],
      exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "OptplugTests",
      dependencies: ["optplug", "optplug-probe", "convtrain", "OptimizerHost", "TestSupport"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "BenchmarkTests", dependencies: ["stepbench", "trainbench", "TestSupport"], exclude: ["Train"],
      swiftSettings: strict),
  ]
)
