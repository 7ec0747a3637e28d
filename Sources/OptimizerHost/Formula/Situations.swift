// Which parameters are updated alike, kept from step to step.

import BasicFoundation

/// The parameters, divided by what can matter to a program: layout, group, gradient, and the counters of every node.
///
/// In most steps the same parameters have gradients, and all counters have advanced together; then nothing but that is
/// looked at.
struct Situations {
  /// Parameters that are in one situation.
  struct Alike {
    /// A number that those parameters share whose slots are the same under every node.
    let layout: Int
    let group: Int
    let hasGradient: Bool
    /// In order, at least one.
    let parameters: [Int]
  }

  /// In the order of their first parameters.
  private(set) var all: [Alike] = []
  /// How often the parameters were divided anew.
  private(set) var divisions = 0
  /// Per parameter, what `all` is for.
  private var pattern: [Bool] = []
  /// Per parameter.
  private let layouts: [Int]

  init(layouts: [Int]) { self.layouts = layouts }

  /// Divides the parameters for a step, unless they are divided as it needs.
  mutating func update(hasGradient: [Bool], _ nodes: [Node], _ parameters: [Parameter]) {
    if divisions > 0, isPattern(hasGradient), all.allSatisfy({ Self.agree($0, nodes) }) { return }
    divide(hasGradient, nodes, parameters)
    pattern = hasGradient
    divisions += 1
  }

  /// Whether the parameters are divided for these gradients: faster than one by one.
  private func isPattern(_ hasGradient: [Bool]) -> Bool {
    hasGradient.withUnsafeBytes { new in
      pattern.withUnsafeBytes { old in
        guard let new = new.baseAddress, let old = old.baseAddress else { return hasGradient == pattern }
        return hasGradient.count == pattern.count && (new == old || memcmp(new, old, hasGradient.count) == 0)
      }
    }
  }

  /// Whether the counters of parameters are still the same.
  private static func agree(_ alike: Alike, _ nodes: [Node]) -> Bool {
    alike.parameters.withUnsafeBufferPointer { places in
      let (first, last) = (places[0], places[places.count - 1])
      return nodes.allSatisfy { node in
        guard node.view.contains(first) else { return true }
        let steps = node.parameterSteps
        let value = steps[first]
        var difference: Int64 = 0
        if last - first == places.count - 1 {
          // Side by side, as mostly: several at a time.
          for step in steps[first...last] { difference |= step ^ value }
        } else {
          for place in places { difference |= steps[place] ^ value }
        }
        return difference == 0
      }
    }
  }

  /// What parameters have in common by some of what matters, and what they differ in by the next of it.
  private struct Branch: Hashable {
    let trunk: Int
    let value: Int64
  }

  private mutating func divide(_ hasGradient: [Bool], _ nodes: [Node], _ parameters: [Parameter]) {
    var numbers = Array(repeating: 0, count: parameters.count)
    func split(by value: (Int) -> Int64) {
      var known: [Branch: Int] = [:]
      // Neighbours are mostly alike.
      var last: (branch: Branch, number: Int)?
      for i in numbers.indices {
        let branch = Branch(trunk: numbers[i], value: value(i))
        if let last, last.branch == branch {
          numbers[i] = last.number
          continue
        }
        let number = known[branch] ?? known.count
        known[branch] = number
        numbers[i] = number
        last = (branch, number)
      }
    }
    split { Int64(layouts[$0]) }
    split { Int64(parameters[$0].group) }
    split { hasGradient[$0] ? 1 : 0 }
    for node in nodes {
      let steps = node.parameterSteps
      split { node.view.contains($0) ? steps[$0] : 0 }
    }
    var members: [[Int]] = []
    var places: [Int: Int] = [:]
    for (i, parameter) in parameters.enumerated() where parameter.count > 0 {
      if let place = places[numbers[i]] {
        members[place].append(i)
      } else {
        places[numbers[i]] = members.count
        members.append([i])
      }
    }
    all = members.map { members in
      Alike(
        layout: layouts[members[0]], group: parameters[members[0]].group,
        hasGradient: hasGradient[members[0]],
        parameters: members)
    }
  }
}
