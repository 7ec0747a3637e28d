// How parameters are cut into pieces and gathered into calls, for random models.

import TestSupport
import Testing

@testable import OptimizerHost

/// Random parameters and how they are to be cut; the same for the same seed.
private struct Model: CustomTestStringConvertible {
  let seed: Int
  var parameters: [Parameter] = []
  var hasGradient: [Bool] = []
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
  }

  var testDescription: String { "seed \(seed): \(granularity), pieces of \(pieceElements)" }

  var list: WorkList {
    WorkList(parameters, hasGradient: hasGradient, granularity: granularity, pieceElements: pieceElements)
  }

  /// What a batch's parameters must have in common, as text.
  func kind(_ parameter: Int) -> String {
    let group = granularity == .group ? parameters[parameter].group : 0
    return "\(parameters[parameter].dtype) \(hasGradient[parameter]) \(group)"
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
      for cut in model.list.cuts {
        #expect(cut.offset == next[cut.parameter] && cut.count >= 1, "\(model.testDescription)")
        next[cut.parameter] += cut.count
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
