// How gradients are kept from being too large before a step.

/// One way to clip the mean gradient of a step.
public enum GradientClipping: Hashable, Sendable {
  /// Scales all gradients down together to this global norm, above 0, as PyTorch's `clip_grad_norm_`.
  ///
  /// Source: R. Pascanu et al. 2013, <https://arxiv.org/abs/1211.5063>.
  case norm(Double)
  /// Brings every element into −value…value, above 0, as PyTorch's `clip_grad_value_`.
  case value(Double)
  /// Scales the gradient of each unit (an output of a layer: a row of its weights; a whole bias or norm) down to this
  /// share, above 0, of the norm of the unit's weights, at least 1e-3; but not in the last layer. As timm's
  /// `adaptive_clip_grad`.
  ///
  /// Source: A. Brock et al. 2021, <https://arxiv.org/abs/2102.06171>.
  case adaptive(Double)

  /// The host clips by norm, while it reads the gradients.
  var norm: Double? { if case .norm(let norm) = self { norm } else { nil } }

  /// In words.
  public var summary: String {
    switch self {
    case .norm(let norm): "global norm \(norm)"
    case .value(let value): "each value to ±\(value)"
    case .adaptive(let factor): "each unit to \(factor) of its weights' norm, but for the last layer"
    }
  }
}
