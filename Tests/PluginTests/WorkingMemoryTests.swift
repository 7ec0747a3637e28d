// Working memory of calls, and slots with one element for each block, through plugins in C.

import OptimizerHost
import TestSupport
import Testing

/// Threads and lengths of pieces.
private let cuts = [(1, 8192), (1, 1), (2, 100), (2, 8192), (4, 1 << 30)]

@Suite struct WorkingMemoryTests {
  private static let sizes = [20_001, 1, 250, 0, 700, 33]

  private func tensors() -> [Tensor<Double>] {
    Self.sizes.enumerated().map { i, size in Tensor("t\(i)", [Double](repeating: 1, count: size)) }
  }

  private func gradients(_ step: Int) -> [[Double]?] {
    Self.sizes.enumerated().map { i, size in
      (i + step) % 5 == 0 ? nil : mixedValues(stream: 100 * step + i, count: size)
    }
  }

  /// The plugin itself checks size, alignment and that no other call writes into its memory.
  @Test(arguments: [(100, 3), (0, 16), (64, 0), (0, 1024), (1, 0), (0, 0)])
  func everyCallHasItsOwn(fixed: Int, perElement: Int) throws {
    let path = try foreignPlugin("scratching", ["-DFIXED=\(fixed)", "-DPER_ELEMENT=\(perElement)"])
    let whole = try foreignPlugin("sight", ["-DGRANULARITY=OPTPLUG_GRANULARITY_TENSOR"])
    let group = try foreignPlugin("sight", ["-DGRANULARITY=OPTPLUG_GRANULARITY_GROUP"])
    for expression in [path, "\(whole)(\(path))", "\(group)(lookahead(\(path)))"] {
      for (threads, pieceElements) in cuts where pieceElements > 1 {
        let tensors = tensors()
        let training = try Training(expression, tensors, threads: threads, pieceElements: pieceElements)
        for step in 1...2 { try training.step(gradients(step)) }
        for (i, tensor) in tensors.enumerated() {
          let steps = (1...2).filter { gradients($0)[i] != nil }.count
          #expect(tensor.values.allSatisfy { $0 == 1 + Double(steps) })
        }
      }
    }
  }

  /// In calls that hold parameters which go elsewhere, only those that the base sees count.
  @Test func sizesAreThoseOfWhatIsSeen() throws {
    let base = try foreignPlugin("scratching")
    let path = try foreignPlugin("sight", ["-DROUTES"])
    let tensors = tensors()
    let training = try Training("\(path)(\(base))", tensors, threads: 2)
    for _ in 1...2 { try training.step(tensors.map { [Double](repeating: 1, count: $0.count) }) }
    for tensor in tensors { #expect(tensor.values.allSatisfy { $0 == (tensor.count % 2 == 0 ? 1 : 3) }) }
  }

  @Test(arguments: [100, 3, 4_097, 1 << 24], ["%", "lookahead(k=9, %)"])
  func blocksHaveSlots(length: Int, tree: String) throws {
    let path = try foreignPlugin("blocks", ["-DBLOCK=\(length)"])
    let (before, after) = (tree.prefix { $0 != "%" }, tree.drop { $0 != "%" }.dropFirst())
    let prefix = tree == "%" ? "" : "base."
    var values = tensors().map(\.values)
    var totals = Self.sizes.map { [Double](repeating: 0, count: ($0 + length - 1) / length) }
    for step in 1...3 {
      for (i, gradient) in gradients(step).enumerated() {
        guard let gradient else { continue }
        for block in totals[i].indices {
          let places = block * length..<min((block + 1) * length, gradient.count)
          for j in places { totals[i][block] += gradient[j].magnitude }
          for j in places { values[i][j] -= gradient[j] / totals[i][block] }
        }
      }
    }
    for (threads, pieceElements) in cuts {
      let tensors = tensors()
      let training = try Training(
        before + path + after, tensors, threads: threads, pieceElements: pieceElements)
      for step in 1...3 { try training.step(gradients(step)) }
      for (i, tensor) in tensors.enumerated() {
        #expect(tensor.values == values[i])
        #expect(training.state("t\(i)/\(prefix)total") == totals[i])
        let steps = (1...3).filter { gradients($0)[i] != nil }.count
        let slot = try #require(training.optimizer.state().first { $0.name == "t\(i)/\(prefix)steps" })
        #expect(slot.dtype == .uint8 && slot.shape == [totals[i].count])
        // It starts at 7.
        #expect(slot.bytes.allSatisfy { $0 == 7 + UInt8(steps) })
      }
    }
  }

  @Test func slotsOfBlocksAreSavedAndRestored() throws {
    let path = try foreignPlugin("blocks")
    let whole = try Training("\(path)", tensors(), threads: 2, pieceElements: 100)
    for step in 1...2 { try whole.step(gradients(step)) }
    let resumed = try Training("\(path)", tensors(), pieceElements: 1)
    for (new, old) in zip(resumed.tensors, whole.tensors) { new.values = old.values }
    try resumed.optimizer.restore(whole.optimizer.state())
    for training in [whole, resumed] { try training.step(gradients(3)) }
    #expect(whole.tensors.map(\.values) == resumed.tensors.map(\.values))
    #expect(whole.optimizer.state() == resumed.optimizer.state())
  }
}
