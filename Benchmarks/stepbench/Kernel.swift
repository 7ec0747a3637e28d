// Steps and nothing else, for a tool that counts what the processor does.

import OptimizerHost

/// A number of steps on tensors of one size.
struct Kernel {
  private let optimizer: String
  private let dtype: DType
  private let tensors, elements, steps, threads: Int
  private let layout: StepCase.Layout
  private let clip: Double?

  init(_ arguments: inout Arguments) throws {
    func required<T>(_ option: String, _ value: T?) throws -> T {
      guard let value else { throw UsageError("kernel needs \(option)") }
      return value
    }
    optimizer = try required("--optimizer", arguments.text("--optimizer"))
    elements = try required("--elements", arguments.integer("--elements", in: 1...1 << 30))
    steps = try required("--steps", arguments.integer("--steps", in: 0...1 << 30))
    tensors = try arguments.integer("--tensors", in: 1...1 << 20) ?? 1
    threads = try arguments.integer("--threads", in: 1...1024) ?? 1
    dtype = try arguments.choice("--dtype", ["float32": .float32, "float64": .float64]) ?? .float32
    layout = try arguments.choice("--layout", ["arena": .arena, "foreign": .foreign]) ?? .arena
    clip = try arguments.number("--clip")
  }

  func run() throws {
    let memory = try TensorMemory(
      Array(repeating: [elements], count: tensors), dtype: dtype, layout: layout)
    let steps = OptPlugSteps(
      memory: memory, optimizer: try Optimizer(optimizer, parameters: memory.parameters, threads: threads),
      clip: clip)
    try steps.step(count: self.steps)
  }
}
