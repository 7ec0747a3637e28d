// How parameters are cut into pieces and gathered into calls, for random models.

import TestSupport
import Testing

@testable import OptimizerHost

/// Random parameters and how they are to be cut; the same for the same seed.
private struct Model: CustomTestStringConvertible {
  let seed: Int
  var parameters: [Parameter] = []
  var hasGradient: [Bool] = []
  var isJoined: [Bool] = []
  let granularity: Granularity
  let pieceElements: Int

  init(seed: Int) {
    self.seed = seed
    var place = 0
    func random(below bound: Int) -> Int {
      place += 1
      return Int(splitMix(UInt64(seed) << 32 | UInt64(place)) % UInt64(bound))
    }
    let granularities: [Granularity] = [.element, .block(1), .block(3), .block(64), .tensor, .group, .model]
    granularity = granularities[seed % granularities.count]
    pieceElements = [1, 5, 64, 100, 8192][random(below: 5)]
    for i in 0..<random(below: 12) {
      let shape = (0..<random(below: 4)).map { _ in [0, 1, 2, 7, 10, 30][random(below: 6)] }
      parameters.append(
        Parameter(
          name: "p\(i)", shape: shape, dtype: random(below: 3) == 0 ? .float64 : .float32,
          values: UnsafeMutableRawPointer(bitPattern: 64)!, group: random(below: 3)))
      hasGradient.append(random(below: 4) > 0)
    }
    isJoined = Array(repeating: false, count: parameters.count)
    let order = WorkList(uncut: parameters, granularity: granularity, pieceElements: 1).order
    for (first, second) in zip(order, order.dropFirst()) where granularity == .element {
      isJoined[second] =
        parameters[first].dtype == parameters[second].dtype
        && parameters[first].group == parameters[second].group
        && hasGradient[first] == hasGradient[second] && random(below: 2) == 0
    }
  }

  var testDescription: String { "seed \(seed): \(granularity), pieces of \(pieceElements)" }

  var list: WorkList {
    WorkList(
      parameters, hasGradient: hasGradient, isJoined: isJoined, granularity: granularity,
      pieceElements: pieceElements)
  }

  /// The parameters of a cut with how many elements it has of each, for joined ones.
  func members(_ cut: WorkList.Cut, _ order: [Int]) -> [(parameter: Int, offset: Int, count: Int)] {
    var members: [(parameter: Int, offset: Int, count: Int)] = []
    var (left, offset) = (cut.count, cut.offset)
    for parameter in order[(order.firstIndex(of: cut.parameter) ?? order.endIndex)...] where left > 0 {
      precondition(
        members.isEmpty || isJoined[parameter], "the cut runs on over a parameter that is not joined")
      let count = min(left, parameters[parameter].count - offset)
      members.append((parameter, offset, count))
      left -= count
      offset = 0
    }
    return members
  }

  /// What a batch's parameters must have in common, as text.
  func kind(_ parameter: Int) -> String {
    let group = granularity == .group ? parameters[parameter].group : 0
    return "\(parameters[parameter].dtype) \(hasGradient[parameter]) \(group)"
  }
}

extension WorkList {
  fileprivate init(uncut parameters: [Parameter], granularity: Granularity, pieceElements: Int) {
    self.init(
      parameters, order: layoutOrder(parameters.map { ($0.dtype, $0.group) }),
      granularities: parameters.map { _ in granularity },
      pieceElements: pieceElements)
  }

  fileprivate init(
    _ parameters: [Parameter], hasGradient: [Bool], isJoined: [Bool]? = nil, granularity: Granularity,
    pieceElements: Int
  ) {
    self.init(uncut: parameters, granularity: granularity, pieceElements: pieceElements)
    cut(
      hasGradient: { hasGradient[$0] }, isJoined: isJoined ?? Array(repeating: false, count: parameters.count)
    )
  }
}

@Suite struct GranularityTests {
  @Test func theCoarserOfTwoHolds() {
    let order: [Granularity] = [.element, .block(4), .tensor, .group, .model]
    for (i, a) in order.enumerated() {
      for (j, b) in order.enumerated() { #expect(a.coarsest(with: b) == order[max(i, j)]) }
    }
  }

  @Test func blocksMeetAtTheirCommonMultiple() {
    #expect(Granularity.block(4).coarsest(with: .block(6)) == .block(12))
    #expect(Granularity.block(64).coarsest(with: .block(256)) == .block(256))
  }

  /// Three primes below the largest block that a plugin may ask for.
  @Test func blocksWithoutACommonMultipleBecomeTensors() {
    let common = Granularity.block(16_777_213).coarsest(with: .block(16_777_199))
    #expect(common == .block(16_777_213 * 16_777_199))
    #expect(common.coarsest(with: .block(16_777_183)) == .tensor)
  }
}

@Suite struct WorkListTests {
  private let models = (0..<350).map { Model(seed: $0) }

  @Test func everyElementIsCoveredOnceAndInOrder() {
    for model in models {
      var next = Array(repeating: 0, count: model.parameters.count)
      let list = model.list
      for (parameter, offset, count) in list.cuts.flatMap({ model.members($0, list.order) }) {
        #expect(offset == next[parameter] && count >= 1, "\(model.testDescription)")
        next[parameter] += count
      }
      #expect(next == model.parameters.map(\.count), "\(model.testDescription)")
    }
  }

  @Test func everyCutIsInOneBatchOfItsKind() {
    for model in models {
      let list = model.list
      var next = 0
      for batch in list.batches {
        #expect(batch.cuts.lowerBound == next && !batch.cuts.isEmpty, "\(model.testDescription)")
        next = batch.cuts.upperBound
        let cuts = list.cuts[batch.cuts]
        #expect(batch.elements == cuts.reduce(0) { $0 + $1.count })
        #expect(Set(cuts.map { model.kind($0.parameter) }).count == 1, "\(model.testDescription)")
        #expect(cuts.allSatisfy { model.parameters[$0.parameter].dtype == batch.dtype })
        #expect(cuts.allSatisfy { model.hasGradient[$0.parameter] == batch.hasGradients })
      }
      #expect(next == list.cuts.count, "\(model.testDescription)")
    }
  }

  @Test func granularityIsKept() {
    for model in models {
      let list = model.list
      for cut in list.cuts {
        let total = model.parameters[cut.parameter].count
        switch model.granularity {
        case .element: #expect(cut.count <= model.pieceElements)
        case .block(let length):
          #expect(cut.offset % length == 0, "\(model.testDescription)")
          #expect(cut.count <= max(length, model.pieceElements))
          #expect(cut.count % length == 0 || cut.offset + cut.count == total)
        case .tensor, .group, .model:
          #expect(cut.offset == 0 && cut.count == total, "\(model.testDescription)")
        }
      }
      if model.granularity >= .group {
        let kinds = list.batches.map { model.kind(list.cuts[$0.cuts.lowerBound].parameter) }
        #expect(Set(kinds).count == kinds.count, "\(model.testDescription): one call per kind")
      } else {
        // A call is no longer than a piece, unless a single cut is.
        #expect(list.batches.allSatisfy { $0.elements <= model.pieceElements || $0.cuts.count == 1 })
      }
    }
  }

  @Test func roomIsReservedForTheMost() {
    for model in models {
      var list = model.list
      #expect(list.cuts.count <= list.mostCuts)
      #expect((list.batches.map(\.elements).max() ?? 0) <= list.mostElementsOfBatch)
      list.cut(
        hasGradient: { model.hasGradient[$0] },
        isJoined: Array(repeating: false, count: model.parameters.count))
      #expect(list.cuts.count == list.mostCuts)
      #expect(list.elements == model.parameters.reduce(0) { $0 + $1.count })
    }
  }

  @Test func neighboursBecomeOne() {
    let parameters = (0..<1000).map {
      Parameter(name: "p\($0)", shape: [48], values: UnsafeMutableRawPointer(bitPattern: 64)!)
    }
    let list = WorkList(
      parameters, hasGradient: Array(repeating: true, count: 1000),
      isJoined: (0..<1000).map { $0 != 0 && $0 != 700 }, granularity: .element, pieceElements: 8192)
    #expect(list.cuts.map(\.count) == [8192, 8192, 8192, 8192, 832, 8192, 6208])
    // 8192 elements are 170 tensors and 32 elements of the next.
    #expect(list.cuts.map(\.parameter) == [0, 170, 341, 512, 682, 700, 870])
    #expect(list.cuts.map(\.offset) == [0, 32, 16, 0, 32, 0, 32])
    #expect(list.batches.map(\.elements) == [8192, 8192, 8192, 8192, 832, 8192, 6208])
  }

  @Test func smallTensorsShareACall() {
    let parameters = (0..<1000).map {
      Parameter(name: "p\($0)", shape: [64], values: UnsafeMutableRawPointer(bitPattern: 64)!)
    }
    let present = Array(repeating: true, count: 1000)
    let list = WorkList(parameters, hasGradient: present, granularity: .element, pieceElements: 8192)
    #expect(list.batches.map(\.cuts.count) == [128, 128, 128, 128, 128, 128, 128, 104])
  }

  @Test func hugePiecesDoNotOverflow() {
    let parameters = (0..<3).map {
      Parameter(name: "p\($0)", shape: [10], values: UnsafeMutableRawPointer(bitPattern: 64)!)
    }
    for granularity in [Granularity.element, .block(3)] {
      let list = WorkList(
        parameters, hasGradient: [true, true, true], granularity: granularity, pieceElements: .max)
      #expect(list.batches.map(\.elements) == [30])
    }
  }
}
