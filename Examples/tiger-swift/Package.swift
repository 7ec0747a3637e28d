// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Tiger",
  products: [.library(name: "Tiger", type: .dynamic, targets: ["Tiger"])],
  // Outside this repository: .package(url: "https://…/optplug", from: "0.1.0").
  dependencies: [.package(name: "optplug", path: "../..")],
  targets: [
    .target(
      name: "Tiger", dependencies: [.product(name: "OptimizerKit", package: "optplug")],
      swiftSettings: [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-O"])],
      linkerSettings: [
        .linkedLibrary("m"), .unsafeFlags(["-use-ld=lld"], .when(platforms: [.linux])),
      ])
  ])
