// From an author's formulas to the descriptors that the host reads.

import COptPlug

/// Fills in a plugin's entry: describes `optimizers` on the first call and answers with the same library after.
///
/// A plugin's whole entry is
/// ```swift
/// @c @implementation
/// public func optplug_entry_v1(
///   _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
///   _ error: UnsafeMutablePointer<optplug_error>?
/// ) -> optplug_status {
///   provide(library) { [optimizer(Lion<Float>.self, Lion<Double>.self, Lion<Recorded>.self)] }
/// }
/// ```
public func provide(
  _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ optimizers: () -> [OptimizerDescription]
) -> optplug_status {
  guard let library else { return OPTPLUG_INVALID_ARGUMENT }
  if described == nil { described = describe(optimizers()) }
  library.pointee = described
  return OPTPLUG_OK
}

/// An optimizer from a formula over 32-bit and the same over 64-bit floats.
public func optimizer<F: Formula, D: Formula>(_ float: F.Type, _ double: D.Type) -> OptimizerDescription
where F.S == Float, D.S == Double {
  OptimizerDescription(ElementwiseImplementation<F, D>())
}

/// As above, and from the same formula over recorded numbers, so that hosts can make it a program for other devices.
public func optimizer<F: Formula, D: Formula, R: Formula>(
  _ float: F.Type, _ double: D.Type, _ recorded: R.Type
)
  -> OptimizerDescription
where F.S == Float, D.S == Double, R.S == Recorded {
  let implementation = ElementwiseImplementation<F, D>()
  implementation.recorder = LeafRecorder<R>()
  return OptimizerDescription(implementation)
}

/// A wrapper from a formula over 32-bit and the same over 64-bit floats.
public func wrapper<F: StagedWrapperFormula, D: StagedWrapperFormula>(_ float: F.Type, _ double: D.Type)
  -> OptimizerDescription
where F.S == Float, D.S == Double {
  OptimizerDescription(WrapperImplementation<F, D>())
}

/// As above, and from the same formula over recorded numbers, so that hosts can join it with its base to one program
/// for other devices. A wrapper of several sweeps, evaluations or of whole tensors has no such program.
public func wrapper<F: StagedWrapperFormula, D: StagedWrapperFormula, R: StagedWrapperFormula>(
  _ float: F.Type, _ double: D.Type, _ recorded: R.Type
) -> OptimizerDescription
where F.S == Float, D.S == Double, R.S == Recorded {
  let implementation = WrapperImplementation<F, D>()
  let needsMore = !R.traits.isDisjoint(with: [.reevaluates, .wholeTensors])
  if R.phases.count == 1, !needsMore { implementation.recorder = WrapperRecorder<R>() }
  return OptimizerDescription(implementation)
}

/// One optimizer of a plugin, made by `optimizer(_:_:)` or `wrapper(_:_:)`.
public struct OptimizerDescription {
  let implementation: Implementation

  init(_ implementation: Implementation) { self.implementation = implementation }
}

// The host calls the entry on one thread at a time, so this needs no lock.
nonisolated(unsafe) private var described: UnsafePointer<optplug_library>?

// Everything below lives as long as the process, as the ABI asks of descriptors.

private func describe(_ optimizers: [OptimizerDescription]) -> UnsafePointer<optplug_library> {
  UnsafePointer(
    permanent([
      optplug_library(
        struct_size: UInt32(MemoryLayout<optplug_library>.size), abi_minor_built: OPTPLUG_ABI_MINOR,
        abi_minor_required: 0, optimizer_count: UInt32(optimizers.count),
        optimizers: permanent(optimizers.map { UnsafePointer(permanent([descriptor($0.implementation)])) }),
        get_extension: nil)
    ]))
}

private func descriptor(_ implementation: Implementation) -> optplug_optimizer {
  let about = implementation.about
  let hyperparameters = implementation.hyperparameters
  var descriptor = optplug_optimizer()
  descriptor.struct_size = UInt32(MemoryLayout<optplug_optimizer>.size)
  switch implementation.granularity {
  case .elements: descriptor.granularity = OPTPLUG_GRANULARITY_ELEMENT
  case .blocks(let length):
    descriptor.granularity = OPTPLUG_GRANULARITY_BLOCK
    descriptor.granularity_block = length
  case .tensors: descriptor.granularity = OPTPLUG_GRANULARITY_TENSOR
  }
  descriptor.state_version = 1
  descriptor.capabilities =
    OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE
    | implementation.capabilities
  descriptor.name = about.name.cString
  descriptor.version = about.version.cString
  descriptor.summary = about.summary.cString
  descriptor.url = about.url?.cString
  descriptor.hyperparameters = optplug_span(
    data: permanent(hyperparameters.map(descriptor(of:))), count: UInt32(hyperparameters.count),
    stride: UInt32(MemoryLayout<optplug_hyperparameter>.stride))
  if !implementation.baseRoles.isEmpty {
    descriptor.base_roles = UnsafePointer(permanent(implementation.baseRoles.map { Optional($0.cString) }))
    descriptor.base_count = UInt32(implementation.baseRoles.count)
    descriptor.route = routeParameter
  }
  if implementation.capabilities & OPTPLUG_CAPABILITY_REEVALUATE != 0 { descriptor.decide = decideInstance }
  descriptor.plugin_data = Unmanaged.passRetained(implementation).toOpaque()
  descriptor.create = createInstance
  descriptor.destroy = destroyInstance
  descriptor.plan = planInstance
  descriptor.step = stepInstance
  descriptor.check = checkValues
  descriptor.get_extension = findExtension
  return descriptor
}

private func descriptor(of hyperparameter: Hyperparameter) -> optplug_hyperparameter {
  let choices: [UnsafePointer<CChar>?] = hyperparameter.choices.map { $0.cString } + [nil]
  return optplug_hyperparameter(
    name: hyperparameter.name.cString, doc: hyperparameter.doc.cString,
    choices: hyperparameter.choices.isEmpty ? nil : UnsafePointer(permanent(choices)),
    default_value: hyperparameter.defaultValue, min_value: hyperparameter.range.min,
    max_value: hyperparameter.range.max, kind: hyperparameter.kind, flags: hyperparameter.flags)
}

/// Copies elements into memory that is never freed.
func permanent<T>(_ elements: [T]) -> UnsafeMutablePointer<T> {
  let memory = UnsafeMutablePointer<T>.allocate(capacity: max(elements.count, 1))
  for (i, element) in elements.enumerated() { (memory + i).initialize(to: element) }
  return memory
}

extension StaticString {
  /// The literal's bytes, which end with a NUL.
  var cString: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
