// From a formula that runs on recorded numbers to the list of operations that a host reads.

import COptPlug

/// What an optimizer does to an element in one situation.
struct OperationList {
  private(set) var operations: [optplug_operation] = []
  private(set) var constants: [Double] = []
  private let identity = Identity()

  /// Tells one list from another.
  final class Identity {}

  /// The place of an operation in the list, after all that it takes.
  mutating func place(of origin: Recorded.Origin) -> UInt32 {
    if origin.list === identity { return origin.place }
    var operation = optplug_operation(code: origin.code, a: origin.slot, b: 0, c: 0)
    if let a = origin.a { operation.a = place(of: a) }
    if let b = origin.b { operation.b = place(of: b) }
    if let c = origin.c { operation.c = place(of: c) }
    if origin.code == OPTPLUG_OPERATION_CONSTANT {
      operation.a = UInt32(constants.count)
      constants.append(origin.value)
    }
    let place = UInt32(operations.count)
    operations.append(operation)
    origin.list = identity
    origin.place = place
    return place
  }

  /// Sets what `code` says to a number, unless that is what it was at first.
  mutating func set(_ code: UInt32, _ slot: UInt32 = 0, to result: Recorded, from first: Recorded) {
    guard result.origin !== first.origin else { return }
    operations.append(optplug_operation(code: code, a: place(of: result.origin), b: slot, c: 0))
  }
}

/// Runs an author's formula on recorded numbers. Generic subclasses hold the author's type.
class FormulaRecorder {
  let table = UnsafePointer(
    permanent([
      optplug_formula(
        struct_size: UInt32(MemoryLayout<optplug_formula>.size), reserved0: 0, operations: giveOperations)
    ]))
  /// Lists handed out, which live as long as the process: one for each way through the formula.
  private var known: [UnsafePointer<optplug_operations>] = []

  /// What happens in a situation; nil where nothing does.
  func record(_ instance: Instance, _ moment: optplug_moment) -> OperationList? { nil }

  /// The list with these operations; the same one for the same operations.
  fileprivate func lasting(_ list: OperationList) -> UnsafePointer<optplug_operations> {
    for known in known where known.pointee.isEqual(to: list.operations) { return known }
    let made = UnsafePointer(
      permanent([
        optplug_operations(
          struct_size: UInt32(MemoryLayout<optplug_operations>.size),
          constant_count: UInt32(list.constants.count),
          list: optplug_span(
            data: permanent(list.operations), count: UInt32(list.operations.count),
            stride: UInt32(MemoryLayout<optplug_operation>.stride)))
      ]))
    known.append(made)
    return made
  }
}

extension optplug_operations {
  fileprivate func isEqual(to operations: [optplug_operation]) -> Bool {
    guard Int(list.count) == operations.count, let data = list.data else { return false }
    let own = data.assumingMemoryBound(to: optplug_operation.self)
    for (i, other) in operations.enumerated() {
      let mine = own[i]
      guard mine.code == other.code, mine.a == other.a, mine.b == other.b, mine.c == other.c else {
        return false
      }
    }
    return true
  }
}

private let giveOperations:
  @convention(c) (
    OpaquePointer?, UnsafePointer<optplug_moment>?, UnsafeMutablePointer<UnsafePointer<optplug_operations>?>?,
    UnsafeMutablePointer<Double>?, ErrorOut
  ) -> optplug_status = { instance, moment, operations, constants, error in
    guard let moment, let operations, let constants else { return OPTPLUG_INVALID_ARGUMENT }
    let instance = Instance.at(instance)
    guard let recorder = instance.implementation.recorder, moment.pointee.stage <= OPTPLUG_STAGE_AFTER else {
      return fail(error, OPTPLUG_UNIMPLEMENTED, "it has no formula for this stage")
    }
    guard let list = recorder.record(instance, moment.pointee) else {
      operations.pointee = nil
      return OPTPLUG_OK
    }
    guard list.constants.count <= Int(OPTPLUG_FORMULA_CONSTANTS) else {
      return fail(error, OPTPLUG_UNIMPLEMENTED, "its formula has more constants than a host takes")
    }
    guard list.operations.count <= 4096 else {
      return fail(error, OPTPLUG_UNIMPLEMENTED, "its formula has more operations than a host takes")
    }
    for (i, value) in list.constants.enumerated() {
      guard !value.isNaN else {
        return fail(
          error, OPTPLUG_UNIMPLEMENTED, "its formula needs what no list can say, such as the loss or a sum")
      }
      constants[i] = value
    }
    operations.pointee = recorder.lasting(list)
    return OPTPLUG_OK
  }

/// The element of a parameter, of its gradient and of its slots, as a piece of length one.
struct RecordedElement {
  private let first: [Recorded]
  /// Parameter, gradient, the bases' gradient, slots.
  private let numbers: UnsafeMutablePointer<Recorded>
  private let slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let hasGradient: Bool
  private let borrowed: Int

  init(slots count: Int, borrowed: Int = 0, hasGradient: Bool) {
    let gradient = Recorded(Recorded.Origin(OPTPLUG_OPERATION_GRADIENT))
    var first = [Recorded(Recorded.Origin(OPTPLUG_OPERATION_PARAMETER)), gradient, gradient]
    for slot in 0..<count {
      first.append(Recorded(Recorded.Origin(OPTPLUG_OPERATION_SLOT, slot: UInt32(slot))))
    }
    self.first = first
    self.hasGradient = hasGradient
    self.borrowed = borrowed
    numbers = .allocate(capacity: first.count)
    for (i, number) in first.enumerated() { (numbers + i).initialize(to: number) }
    slots = .allocate(capacity: max(count, 1))
    for slot in 0..<count { (slots + slot).initialize(to: UnsafeMutableRawPointer(numbers + 3 + slot)) }
  }

  var piece: Piece<Recorded> {
    Piece(
      count: 1, parameter: Stream(UnsafeMutableRawPointer(numbers)),
      gradient: hasGradient ? UnsafePointer(numbers + 1) : nil, gradientScale: Recorded.gradientScale,
      slots: UnsafePointer(slots), borrowedSlots: borrowed)
  }

  var change: GradientChange<Recorded> { GradientChange(piece: piece, rows: 1, result: numbers + 2) }

  /// How the element has changed; ends it.
  func finish() -> OperationList {
    var list = OperationList()
    list.set(OPTPLUG_OPERATION_SET_PARAMETER, to: numbers[0], from: first[0])
    if hasGradient { list.set(OPTPLUG_OPERATION_SET_GRADIENT, to: numbers[2], from: first[2]) }
    for slot in 0..<(first.count - 3) {
      list.set(OPTPLUG_OPERATION_SET_SLOT, UInt32(slot), to: numbers[3 + slot], from: first[3 + slot])
    }
    numbers.deinitialize(count: first.count)
    numbers.deallocate()
    slots.deallocate()
    return list
  }
}

/// Records a leaf.
final class LeafRecorder<R: Formula>: FormulaRecorder where R.S == Recorded {
  override func record(_ instance: Instance, _ moment: optplug_moment) -> OperationList? {
    guard moment.stage == OPTPLUG_STAGE_AFTER, moment.has_gradient != 0 else { return nil }
    let values = HyperparameterValues(moment.hyperparameters)
    let element = RecordedElement(slots: R.slots(values).count, hasGradient: true)
    R(values, step: Int(moment.parameter_step)).apply(to: element.piece)
    return element.finish()
  }
}

/// Records a wrapper of one sweep and one evaluation of the loss that looks at elements alone.
final class WrapperRecorder<R: StagedWrapperFormula>: FormulaRecorder where R.S == Recorded {
  override func record(_ instance: Instance, _ moment: optplug_moment) -> OperationList? {
    let values = HyperparameterValues(moment.hyperparameters)
    let hasGradient = moment.has_gradient != 0
    let situation = StepMoment(
      step: Int(moment.step), parameterStep: Int(moment.parameter_step), pass: 0, phase: 0, loss: .nan,
      modelResults: nil, groupResults: nil, tensorResults: nil)
    guard hasGradient || R.traits.contains(.allParameters), let formula = R(values, situation) else {
      return nil
    }
    let borrowed = Int(instance.borrowedCounts[Int(moment.parameter_index)])
    let copies = R.borrowing(values)?.copies == nil ? 0 : borrowed
    let element = RecordedElement(
      slots: R.slots(values).count + borrowed + copies, borrowed: borrowed, hasGradient: hasGradient)
    if moment.stage == OPTPLUG_STAGE_AFTER {
      formula.after(element.piece)
    } else {
      if R.traits.contains(.actsBefore) { formula.before(element.piece) }
      if R.traits.contains(.changesGradient), hasGradient { formula.change(element.change) }
    }
    return element.finish()
  }
}
