// Which optimizers a tree is made of, so that saved state goes back to none but those it came from.

/// One optimizer of a tree: what it is, where its code comes from, and which state it keeps.
public struct OptimizerIdentity: Hashable, Codable, Sendable {
  /// State of one name, over all parameters.
  public struct Slot: Hashable, Codable, Sendable {
    public let name: String
    /// As safetensors names it, such as `F32`.
    public let dtype: String
    /// Parameters that have it; 0 for a slot of the whole model.
    public let parameters: Int
    /// Elements together.
    public let elements: Int
  }

  /// Its place in the tree: empty for the outermost, such as `base.` below.
  public let path: String
  public let name, version: String
  /// The shared object, absolute.
  public let file: String
  /// Its SHA-256, in 64 hexadecimal digits.
  public let hash: String
  /// What the plugin calls the present meaning of its state.
  public let stateVersion: Int
  public let slots: [Slot]
}

extension Optimizer {
  /// The optimizers of the tree, wrappers before their bases.
  public var identities: [OptimizerIdentity] {
    tree.nodes.map { node in
      var names: [String] = []
      var found: [String: [SlotRecord]] = [:]
      for slot in node.ownSlots.joined() {
        if found[slot.name] == nil { names.append(slot.name) }
        found[slot.name, default: []].append(slot)
      }
      var slots = names.flatMap { name in
        let records = found[name] ?? []
        return Set(records.map(\.dtype.safetensorsName)).sorted().map { dtype in
          let same = records.filter { $0.dtype.safetensorsName == dtype }
          return OptimizerIdentity.Slot(
            name: name, dtype: dtype, parameters: same.count, elements: same.reduce(0) { $0 + $1.count })
        }
      }
      slots += node.plan.modelSlots.map {
        .init(name: $0.name, dtype: $0.dtype.safetensorsName, parameters: 0, elements: $0.count)
      }
      return OptimizerIdentity(
        path: node.path, name: node.type.name, version: node.type.version, file: node.type.path,
        hash: node.type.hash, stateVersion: Int(node.type.stateVersion), slots: slots)
    }
  }
}
