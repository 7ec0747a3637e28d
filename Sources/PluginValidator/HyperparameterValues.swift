// Values that a case tries for a hyperparameter.

import OptimizerHost

extension HyperparameterType {
  /// Values other than the default, near ones first, that the hyperparameter takes.
  var otherValues: [Double] {
    let tried: [Double]
    switch kind {
    case .boolean: tried = [1 - defaultValue]
    case .choice(let words): tried = words.indices.map(Double.init)
    case .integer:
      tried = [defaultValue + 1, defaultValue - 1, 2, 3, defaultValue * 2, 1, 0, minimum, maximum]
    case .float:
      let middle = minimum.isFinite && maximum.isFinite ? (minimum + maximum) / 2 : defaultValue + 0.5
      tried = [
        defaultValue * 0.5, defaultValue * 0.9, defaultValue * 2, 0.1, 0.5, middle, 0.01, 1, 2, 1e-3, 10, 0,
        (minimum + defaultValue) / 2, (defaultValue + maximum) / 2,
      ]
    }
    var values: [Double] = []
    for value in tried where value != defaultValue && !values.contains(value) && problem(with: value) == nil {
      values.append(value)
    }
    return values
  }

  /// Both ends of what it takes, as near as there are values.
  var extremes: [Double] {
    let candidates = [
      minimum, minimum.nextUp, minimum + 1e-3, -1e3, defaultValue, 1e3, maximum - 1e-3, maximum,
    ]
    return candidates.filter { problem(with: $0) == nil }.sorted()
  }

  /// A value as an expression writes it.
  func setting(_ value: Double) -> String { "\(name)=\(format(value))" }
}
