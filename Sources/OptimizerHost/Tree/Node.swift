// One optimizer in a tree: its values, its instance, its slots.

import COptPlug

/// A wrapper or a leaf of the tree. Owns its instance and the tables that frames point to.
final class Node {
  let type: OptimizerType
  /// How the user named it, for canonical expressions.
  let target: String
  /// "" for the root, "base." for its base, "base.base." below that: in front of slots and hyperparameters.
  let path: String
  let bases: [Node]
  /// Groups × hyperparameters.
  private let values: UnsafeMutablePointer<Double>
  /// Per group, its row of `values`.
  let valueRows: UnsafeMutablePointer<UnsafePointer<Double>?>
  let groupCount: Int
  private(set) var instance: OpaquePointer?
  /// The parameters that it sees; set by `Tree.route`.
  var view: ParameterView
  /// Per parameter of the whole table, in the order of the indices handed to the plugin; borrowed ones are those of a
  /// base.
  private(set) var slots: [[SlotRecord]] = []
  /// Per parameter of the whole table, the slots that are this node's own.
  private(set) var ownSlots: [[SlotRecord]] = []
  /// What else the plugin asked for.
  private(set) var plan = NodePlan()
  /// Who stands between the plugin and its callers, when they are traced.
  let interposer: Interposer?
  /// Kept as long as the node, whose end is traced too.
  private let trace: Trace?
  /// Per parameter, steps taken with a gradient.
  private(set) var parameterSteps = UnsafeMutableBufferPointer<Int64>(start: nil, count: 0)

  /// - Throws: `OptimizerError.tracing`.
  init(
    _ type: OptimizerType, target: String, path: String, bases: [Node], groupCount: Int, view: ParameterView,
    trace: Trace?
  ) throws {
    self.view = view
    interposer = try trace?.interpose(type, path: path)
    self.trace = trace
    self.type = interposer?.type ?? type
    self.target = target
    self.path = path
    self.bases = bases
    self.groupCount = groupCount
    let width = type.hyperparameters.count
    values = .allocate(capacity: max(1, groupCount * width))
    valueRows = .allocate(capacity: groupCount)
    for group in 0..<groupCount {
      let row = values + group * width
      for (i, hyperparameter) in type.hyperparameters.enumerated() {
        (row + i).initialize(to: hyperparameter.defaultValue)
      }
      (valueRows + group).initialize(to: UnsafePointer(row))
    }
  }

  deinit {
    endInstance()
    values.deallocate()
    valueRows.deallocate()
    parameterSteps.deallocate()
  }

  /// Takes over what the plugin asked for.
  func adopt(_ plan: NodePlan, slots: [[SlotRecord]], ownSlots: [[SlotRecord]]) {
    self.plan = plan
    self.slots = slots
    self.ownSlots = ownSlots
  }

  /// Starts the counters of `count` parameters at 0.
  func makeParameterSteps(_ count: Int) {
    parameterSteps.deallocate()
    parameterSteps = .allocate(capacity: count)
    parameterSteps.initialize(repeating: 0)
  }

  /// Whether the plugin multiplies by the gradient scale itself.
  var scalesGradient: Bool { type.has(OPTPLUG_CAPABILITY_GRADIENT_SCALE) }

  /// Whether it sees parameters without a gradient.
  var wantsAllParameters: Bool { type.has(OPTPLUG_CAPABILITY_NULL_GRADIENT) }

  /// Whether it gives its bases another gradient.
  var changesGradient: Bool { !bases.isEmpty && type.has(OPTPLUG_CAPABILITY_CHANGED_GRADIENT) }

  /// Whether it sees its segments in every call in which its bases work.
  var seesEveryPhase: Bool { changesGradient || type.has(OPTPLUG_CAPABILITY_EVERY_PHASE) }

  /// The node and all below it, wrappers before their bases.
  var subtree: [Node] { [self] + bases.flatMap(\.subtree) }

  subscript(group: Int, index: Int) -> Double {
    get { values[group * type.hyperparameters.count + index] }
    set { values[group * type.hyperparameters.count + index] = newValue }
  }

  /// Asks the plugin whether the values of a group are legal together, with `value` at `index`.
  /// - Throws: `OptimizerError.hyperparameter`.
  func check(group: Int, index: Int? = nil, value: Double = 0) throws {
    var row = (0..<type.hyperparameters.count).map { self[group, $0] }
    if let index { row[index] = value }
    if let problem = problem(with: row) {
      throw OptimizerError.hyperparameter(
        index.map { path + type.hyperparameters[$0].name } ?? type.name, problem: problem)
    }
  }

  /// What the plugin says against values that are each allowed, or nil.
  func problem(with row: [Double]) -> String? {
    guard let check = type.descriptor.pointee.check else { return nil }
    let (status, message) = withMessage { check(type.descriptor, row, $0) }
    return status == OPTPLUG_OK ? nil : message
  }

  /// Ends the plugin's instance, if there is one.
  func endInstance() {
    if let instance { type.descriptor.pointee.destroy?(instance) }
    instance = nil
  }

  /// Makes the plugin's instance; bases must have theirs.
  /// - Throws: `OptimizerError.call`.
  func createInstance() throws {
    guard let create = type.descriptor.pointee.create else { return }
    let bases = bases.map { optplug_base(optimizer: $0.type.descriptor, instance: $0.instance) }
    var made: OpaquePointer?
    let (status, message) = bases.withUnsafeBufferPointer { bases in
      var info = optplug_create_info(
        struct_size: UInt32(MemoryLayout<optplug_create_info>.size), reserved0: 0,
        bases: optplug_span(
          data: bases.baseAddress, count: UInt32(bases.count),
          stride: UInt32(MemoryLayout<optplug_base>.stride)))
      return withMessage { create(type.descriptor, interposer?.host ?? hostInterface, &info, &made, $0) }
    }
    // What a failed create leaves behind is not an instance, so it must not reach destroy.
    guard status == OPTPLUG_OK, let made else {
      throw OptimizerError.call(
        type.name, function: "create", problem: status == OPTPLUG_OK ? "it made no instance" : message)
    }
    instance = made
  }
}
