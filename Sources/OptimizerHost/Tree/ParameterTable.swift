// The parameters as optimizers see them.

import COptPlug

/// The trainer's parameters, checked, in the type in which they are trained.
///
/// Parameters of 16 bits are trained on 32-bit masters: to optimizers they are float32 in the masters' memory.
final class ParameterTable {
  /// As optimizers see them.
  private(set) var parameters: [Parameter]
  let groupCount: Int
  /// Places of the parameters as they are stepped.
  let order: [Int]
  /// Per parameter, its elements and their type in the trainer's memory, which is that of the gradient too.
  let trainerTypes: [(count: Int, dtype: DType)]
  /// Nil when all parameters are trained as they are.
  let masters: MasterWeights?

  /// - Throws: `OptimizerError.parameters`.
  init(_ parameters: [Parameter], groupCount: Int) throws {
    try Self.check(parameters, groupCount: groupCount)
    masters = try MasterWeights(parameters)
    self.parameters = masters?.seen ?? parameters
    self.groupCount = groupCount
    trainerTypes = parameters.map { ($0.count, $0.dtype) }
    order = layoutOrder(self.parameters.map { ($0.dtype, $0.group) })
  }

  /// Takes note that a parameter lies elsewhere now.
  func move(_ place: Int, to values: UnsafeMutableRawPointer) {
    if masters?.move(place, to: values) != true {
      parameters[place] = parameters[place].moved(to: values)
    }
  }

  private static func check(_ parameters: [Parameter], groupCount: Int) throws {
    guard groupCount > 0 else {
      throw OptimizerError.parameters("there is no parameter group; hand in at least one")
    }
    guard parameters.count < 1 << 24 else { throw OptimizerError.parameters("more than 16 million tensors") }
    for parameter in parameters {
      let name = parameter.name
      guard !name.isEmpty, !name.contains("/"), !name.utf8.contains(0), name != "optimizer" else {
        throw OptimizerError.parameters("'\(name)' cannot name a parameter; use a non-empty name without '/'")
      }
      guard parameter.shape.allSatisfy({ $0 >= 0 }), parameter.shape.count <= 64 else {
        throw OptimizerError.parameters("'\(name)' has the impossible shape \(parameter.shape)")
      }
      guard byteCount(parameter.shape, parameter.dtype) != nil else {
        throw OptimizerError.parameters(
          "'\(name)' has more elements than memory has bytes: \(parameter.shape)")
      }
      guard parameter.group >= 0, parameter.group < groupCount else {
        throw OptimizerError.parameters(
          "'\(name)' is in group \(parameter.group), but there are \(groupCount)")
      }
      guard parameter.dtype.trainingType != nil else {
        throw OptimizerError.parameters(
          "'\(name)' is \(parameter.dtype); only float32, float64, bfloat16 and float16 can be trained")
      }
    }
    if let twice = firstDuplicate(parameters.map(\.name)) {
      throw OptimizerError.parameters("two are named '\(twice)'; names must be unique")
    }
  }
}
