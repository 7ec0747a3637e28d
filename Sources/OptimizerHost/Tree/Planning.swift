// Lets each node of a tree ask for its slots, its phases and its working memory.

import COptPlug

/// What a node asked for beside the slots of parameters.
struct NodePlan {
  var phases = 1
  /// How each number that the node collects is reduced.
  var reductions: [Reduction] = []
  /// Working memory of a call in bytes: for the call, and for each element.
  var scratch = 0
  var scratchPerElement = 0
  /// In the order of the indices handed to the plugin.
  var modelSlots: [SlotRecord] = []
}

/// How the host reduces the numbers of all segments to one.
enum Reduction: UInt32 {
  case sum, max

  func callAsFunction(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .sum: a + b
    // A NaN must not get lost.
    case .max: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    }
  }
}

/// What a plugin's `plan` builds: the wishes of one node.
private final class PlanBuilder {
  let node: Node
  let table: ParameterTable
  var slots: [[SlotRecord]]
  var ownSlots: [[SlotRecord]]
  var plan = NodePlan()
  /// Why the first call from the plugin that failed did so.
  var refusal: Refusal?

  init(_ node: Node, _ table: ParameterTable) {
    self.node = node
    self.table = table
    slots = Array(repeating: [], count: table.parameters.count)
    ownSlots = slots
  }

  /// Runs `body`; what it throws is remembered, and the plugin gets a status.
  func answer(_ body: () throws -> Void) -> optplug_status {
    do {
      try body()
      return OPTPLUG_OK
    } catch {
      refusal = refusal ?? error as? Refusal
      return OPTPLUG_INVALID_ARGUMENT
    }
  }

  private func wrong(_ problem: String) -> Refusal { .descriptor("'\(node.type.name)' \(problem)") }

  /// The place in the whole table of the parameter that the plugin knows by a number.
  private func place(of parameter: UInt32) -> Int? {
    Int(parameter) < node.view.indices.count ? node.view.indices[Int(parameter)] : nil
  }

  private func record(
    _ request: UnsafePointer<optplug_slot>?, parameter: Parameter?, among known: [SlotRecord]
  ) throws -> SlotRecord {
    guard let request, request.pointee.struct_size >= OPTPLUG_SLOT_SIZE_1_0 else {
      throw wrong("asks for a slot with an incomplete request")
    }
    guard known.count < 64 else { throw wrong("asks for more than 64 slots") }
    let record = try SlotRecord(request.pointee, parameter: parameter, granularity: node.type.granularity)
    guard !known.contains(where: { $0.name == record.name }) else {
      throw wrong("asks for slot '\(record.name)' twice")
    }
    return record
  }

  func addSlot(
    _ parameter: UInt32, _ request: UnsafePointer<optplug_slot>?, _ index: UnsafeMutablePointer<UInt32>?
  ) -> optplug_status {
    answer {
      guard let index else { throw wrong("asks for a slot with an incomplete request") }
      guard let place = place(of: parameter) else {
        throw wrong("asks for a slot of parameter \(parameter), which does not exist")
      }
      let record = try record(request, parameter: table.parameters[place], among: ownSlots[place])
      ownSlots[place].append(record)
      index.pointee = append(record, place)
    }
  }

  func addModelSlot(_ request: UnsafePointer<optplug_slot>?, _ index: UnsafeMutablePointer<UInt32>?)
    -> optplug_status
  {
    answer {
      guard let index else { throw wrong("asks for a slot with an incomplete request") }
      let record = try record(request, parameter: nil, among: plan.modelSlots)
      guard record.name != "state_version",
        !node.type.hyperparameters.contains(where: { $0.name == record.name })
      else { throw wrong("asks for a model slot '\(record.name)', but something else is saved by that name") }
      plan.modelSlots.append(record)
      index.pointee = UInt32(plan.modelSlots.count - 1)
    }
  }

  func borrowSlot(
    _ parameter: UInt32, _ base: UInt32, _ role: UInt32, _ nth: UInt32, _ index: UnsafeMutablePointer<UInt32>?
  ) -> optplug_status {
    guard let place = place(of: parameter), Int(base) < node.bases.count, let index else {
      return answer { throw wrong("borrows from a parameter or a base that does not exist") }
    }
    let candidates = node.bases[Int(base)].subtree.flatMap { $0.ownSlots[place] }
      .filter { $0.role == role && $0.isAsParameter && $0.dtype == table.parameters[place].dtype }
    guard Int(nth) < candidates.count else { return OPTPLUG_NOT_FOUND }
    index.pointee = append(candidates[Int(nth)], place)
    return OPTPLUG_OK
  }

  func setPhases(_ phases: UInt32, _ reductions: UInt32, _ operations: UnsafePointer<UInt32>?)
    -> optplug_status
  {
    answer {
      guard (1...64).contains(phases), reductions <= 64 else {
        throw wrong(
          "asks for \(phases) phases with \(reductions) reductions; 1 to 64 and 0 to 64 are allowed")
      }
      plan.phases = Int(phases)
      plan.reductions = try (0..<(phases > 1 ? Int(reductions) : 0)).map { i in
        guard let reduction = Reduction(rawValue: operations?[i] ?? OPTPLUG_REDUCE_SUM) else {
          throw wrong("asks for the unknown reduction \(operations?[i] ?? 0)")
        }
        return reduction
      }
    }
  }

  func setScratch(_ bytes: UInt64, _ perElement: UInt64) -> optplug_status {
    answer {
      guard bytes < 1 << 40, perElement <= 1024 else {
        throw wrong(
          "asks for \(bytes) bytes and \(perElement) per element of working memory, which is too much")
      }
      plan.scratch = Int(bytes)
      plan.scratchPerElement = Int(perElement)
    }
  }

  private func append(_ record: SlotRecord, _ place: Int) -> UInt32 {
    slots[place].append(record)
    return UInt32(slots[place].count - 1)
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
    interposer?.learn(view.indices.map { table.parameters[$0].name })
    if let function = type.descriptor.pointee.plan {
      var plan = optplug_plan(
        struct_size: UInt32(MemoryLayout<optplug_plan>.size), group_count: UInt32(table.groupCount),
        parameters: view.span, hyperparameters: UnsafePointer(valueRows),
        host_data: Unmanaged.passUnretained(builder).toOpaque(),
        add_slot: { PlanBuilder.at($0)?.addSlot($1, $2, $3) ?? OPTPLUG_INVALID_ARGUMENT },
        borrow_slot: { PlanBuilder.at($0)?.borrowSlot($1, $2, $3, $4, $5) ?? OPTPLUG_INVALID_ARGUMENT },
        add_model_slot: { PlanBuilder.at($0)?.addModelSlot($1, $2) ?? OPTPLUG_INVALID_ARGUMENT },
        set_phases: { PlanBuilder.at($0)?.setPhases($1, $2, $3) ?? OPTPLUG_INVALID_ARGUMENT },
        set_scratch: { PlanBuilder.at($0)?.setScratch($1, $2) ?? OPTPLUG_INVALID_ARGUMENT })
      try interposer?.trace(&plan)
      let (status, message) = withExtendedLifetime(builder) { withMessage { function(instance, &plan, $0) } }
      if let refusal = builder.refusal { throw OptimizerError.plugin(type.path, refusal) }
      guard status == OPTPLUG_OK else {
        throw OptimizerError.call(type.name, function: "plan", problem: message)
      }
    }
    adopt(builder.plan, slots: builder.slots, ownSlots: builder.ownSlots)
    makeParameterSteps(table.parameters.count)
  }
}
