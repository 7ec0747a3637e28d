// Lets each node of a tree ask for its slots.

import COptPlug

/// What a plugin's `plan` builds: the slots of one node.
private final class PlanBuilder {
  let node: Node
  let table: ParameterTable
  var slots: [[SlotRecord]]
  var ownSlots: [[SlotRecord]]
  /// Why the first call from the plugin that failed did so.
  var refusal: Refusal?

  init(_ node: Node, _ table: ParameterTable) {
    self.node = node
    self.table = table
    slots = Array(repeating: [], count: table.parameters.count)
    ownSlots = slots
  }

  func addSlot(
    _ parameter: UInt32, _ request: UnsafePointer<optplug_slot>?, _ index: UnsafeMutablePointer<UInt32>?
  )
    -> optplug_status
  {
    do {
      guard let request, request.pointee.struct_size >= OPTPLUG_SLOT_SIZE_1_0, let index else {
        throw Refusal.descriptor("'\(node.type.name)' asks for a slot with an incomplete request")
      }
      guard Int(parameter) < table.parameters.count else {
        throw Refusal.descriptor(
          "'\(node.type.name)' asks for a slot of parameter \(parameter), which does not exist")
      }
      let own = ownSlots[Int(parameter)]
      guard own.count < 64 else {
        throw Refusal.descriptor("'\(node.type.name)' asks for more than 64 slots")
      }
      let record = try SlotRecord(
        request.pointee, parameter: table.parameters[Int(parameter)], granularity: node.type.granularity)
      guard !own.contains(where: { $0.name == record.name }) else {
        throw Refusal.descriptor("'\(node.type.name)' asks for slot '\(record.name)' twice")
      }
      ownSlots[Int(parameter)].append(record)
      index.pointee = append(record, parameter)
      return OPTPLUG_OK
    } catch {
      refusal = refusal ?? error as? Refusal
      return OPTPLUG_INVALID_ARGUMENT
    }
  }

  func borrowSlot(
    _ parameter: UInt32, _ base: UInt32, _ role: UInt32, _ nth: UInt32, _ index: UnsafeMutablePointer<UInt32>?
  ) -> optplug_status {
    guard Int(parameter) < table.parameters.count, Int(base) < node.bases.count, let index else {
      refusal =
        refusal ?? .descriptor("'\(node.type.name)' borrows from a parameter or a base that does not exist")
      return OPTPLUG_INVALID_ARGUMENT
    }
    let candidates = node.bases[Int(base)].subtree.flatMap { $0.ownSlots[Int(parameter)] }
      .filter { $0.role == role && $0.isAsParameter && $0.dtype == table.parameters[Int(parameter)].dtype }
    guard Int(nth) < candidates.count else { return OPTPLUG_NOT_FOUND }
    index.pointee = append(candidates[Int(nth)], parameter)
    return OPTPLUG_OK
  }

  private func append(_ record: SlotRecord, _ parameter: UInt32) -> UInt32 {
    slots[Int(parameter)].append(record)
    return UInt32(slots[Int(parameter)].count - 1)
  }

  static func at(_ plan: UnsafePointer<optplug_plan>?) -> PlanBuilder? {
    plan?.pointee.host_data.map { Unmanaged<PlanBuilder>.fromOpaque($0).takeUnretainedValue() }
  }
}

extension Node {
  /// Calls the plugin's `plan`; bases must have been planned.
  /// - Throws: `OptimizerError.call` or `OptimizerError.plugin`.
  func plan(_ table: ParameterTable) throws {
    let builder = PlanBuilder(self, table)
    if let function = type.descriptor.pointee.plan {
      var plan = optplug_plan(
        struct_size: UInt32(MemoryLayout<optplug_plan>.size), group_count: UInt32(table.groupCount),
        parameters: table.span, hyperparameters: UnsafePointer(valueRows),
        host_data: Unmanaged.passUnretained(builder).toOpaque(),
        add_slot: { PlanBuilder.at($0)?.addSlot($1, $2, $3) ?? OPTPLUG_INVALID_ARGUMENT },
        borrow_slot: { PlanBuilder.at($0)?.borrowSlot($1, $2, $3, $4, $5) ?? OPTPLUG_INVALID_ARGUMENT })
      try interposer?.trace(&plan)
      let (status, message) = withExtendedLifetime(builder) { withMessage { function(instance, &plan, $0) } }
      if let refusal = builder.refusal { throw OptimizerError.plugin(type.path, refusal) }
      guard status == OPTPLUG_OK else {
        throw OptimizerError.call(type.name, function: "plan", problem: message)
      }
    }
    slots = builder.slots
    ownSlots = builder.ownSlots
    makeParameterSteps(table.parameters.count)
  }
}
