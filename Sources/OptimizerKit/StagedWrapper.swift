// What an author of a wrapper may state: what it does before its base, after it, between two evaluations of the loss.

import COptPlug

/// A wrapper over any base optimizer that acts at several stages of a step.
///
/// A wrapper that only acts on what its base leaves behind is a `WrapperFormula`, which is simpler. In one step:
/// ```
/// for each pass:                       one, unless `wantsReevaluation`
///   for each phase but the last:       `collect`, then the host reduces
///   last phase of a pass that wants the loss again:  `prepareReevaluation`, then the loss is evaluated again
///   last phase of the last pass:       `before`, base, `after`; `change` before every call of the base
/// ```
/// The stages that a wrapper does not name in `traits` cost nothing and are never called. Conform a struct that is
/// generic over `Scalar` and hand both of its instances to `wrapper(_:_:)` in the plugin's entry.
public protocol StagedWrapperFormula {
  associatedtype S: Scalar

  /// Name, version and source.
  static var about: About { get }
  /// Settings, in the order by which `HyperparameterValues` is read.
  static var hyperparameters: [Hyperparameter] { get }
  /// What the wrapper does, beside `after`. Provided: nothing.
  static var traits: WrapperTraits { get }
  /// How often it sweeps over the parameters in each pass, and what it collects. Provided: once, and nothing.
  static var phases: WrapperPhases { get }
  /// The wrapper's own slots of a parameter. Only structural values may decide.
  static func slots(_ values: HyperparameterValues) -> [Slot]
  /// Slots of the base that the wrapper sees, or nil for none. Only structural values may decide. Provided: nil.
  static func borrowing(_ values: HyperparameterValues) -> Borrowing?
  /// What is wrong with a combination of values that are each in range; nil when nothing is. Provided.
  static func check(_ values: HyperparameterValues) -> StaticString?
  /// Whether it acts on parameters with so many axes; the others go to the base alone. Only structural values may
  /// decide. Provided: on all.
  static func wraps(axes: Int, _ values: HyperparameterValues) -> Bool

  /// Whether the loss is to be evaluated again after this pass; needs the trait `reevaluates`. Provided: never.
  /// - Parameter values: the settings of the first group.
  static func wantsReevaluation(_ values: HyperparameterValues, _ moment: StepMoment) -> Bool
  /// The slot whose content replaces the weights for evaluation after `step`; nil for the weights themselves. Needs
  /// the trait `evaluationWeights`. Provided: nil.
  static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int?
  /// Whether the base starts afresh after `step`: slots at their initial values, parameter steps at zero. Provided:
  /// never.
  static func restartsBase(_ values: HyperparameterValues, step: Int) -> Bool

  /// The constants of a sweep for one piece or several, or nil when the wrapper does nothing in it: the base then gets
  /// the gradient as it is.
  /// - Parameter values: the settings of the parameter's group.
  init?(_ values: HyperparameterValues, _ moment: StepMoment)

  /// Collects a piece's part of every number, through `piece.collect`. Provided: nothing.
  func collect(from piece: Piece<S>, into partials: Partials)
  /// Puts the weights where the loss shall be evaluated again. Provided: nothing.
  func prepareReevaluation(_ piece: Piece<S>)
  /// Acts before the base does anything in this step, as long as the trait is `actsBefore`. Provided: nothing.
  func before(_ piece: Piece<S>)
  /// Fills in the gradient that the base gets, as long as the trait is `changesGradient`; called again, and with the
  /// same result, for each phase of the base. Provided: as it is.
  func change(_ gradient: GradientChange<S>)
  /// Acts when the base is done with this step. Provided: nothing.
  func after(_ piece: Piece<S>)
}

extension StagedWrapperFormula {
  public static var traits: WrapperTraits { [] }
  public static var phases: WrapperPhases { WrapperPhases() }
  public static func borrowing(_ values: HyperparameterValues) -> Borrowing? { nil }
  public static func check(_ values: HyperparameterValues) -> StaticString? { nil }
  public static func wraps(axes: Int, _ values: HyperparameterValues) -> Bool { true }
  public static func wantsReevaluation(_ values: HyperparameterValues, _ moment: StepMoment) -> Bool { false }
  public static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int? { nil }
  public static func restartsBase(_ values: HyperparameterValues, step: Int) -> Bool { false }
  public func collect(from piece: Piece<S>, into partials: Partials) {}
  public func prepareReevaluation(_ piece: Piece<S>) {}
  public func before(_ piece: Piece<S>) {}
  public func change(_ gradient: GradientChange<S>) { gradient.passOn() }
  public func after(_ piece: Piece<S>) {}
}

/// What a wrapper does beside acting after its base.
public struct WrapperTraits: OptionSet, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// It acts on parameters without a gradient too: pieces of theirs have `hasGradient` false.
  public static let allParameters = WrapperTraits(rawValue: 1)
  /// It acts before its base.
  public static let actsBefore = WrapperTraits(rawValue: 2)
  /// It gives its base another gradient.
  public static let changesGradient = WrapperTraits(rawValue: 4)
  /// It may want the loss evaluated again.
  public static let reevaluates = WrapperTraits(rawValue: 8)
  /// It has weights to evaluate with that are not those being trained. In a tree the outermost wrapper with this trait
  /// decides, so that one without such weights must not have it.
  public static let evaluationWeights = WrapperTraits(rawValue: 16)
  /// It must see whole tensors.
  public static let wholeTensors = WrapperTraits(rawValue: 32)
}

/// The sweeps of a wrapper over its parameters in one pass, and the numbers that it collects in all but the last.
public struct WrapperPhases {
  let count: Int
  let reductions: [Reduction]

  /// - Parameters:
  ///   - count: 1 to 64.
  ///   - reductions: of the numbers collected from a piece, at most 64; none for a single sweep.
  public init(_ count: Int = 1, reductions: [Reduction] = []) {
    self.count = count
    self.reductions = reductions
  }
}

/// Where in its course a step is, and what is known there.
public struct StepMoment {
  /// The step of the whole optimizer, from 1.
  public let step: Int
  /// Steps of the piece's parameter with a gradient, this one included; 0 where no parameter is meant.
  public let parameterStep: Int
  /// How often the loss has been evaluated again in this step at the wrapper's wish.
  public let pass: Int
  /// The sweep of this pass, from 0.
  public let phase: Int
  /// The loss of the last evaluation; not a number when the trainer does not state it.
  public let loss: Double
  let modelResults, groupResults, tensorResults: UnsafePointer<Double>?

  /// What was collected in the phase before comes to, over all parameters; 0 in phase 0.
  public func model(_ reduction: Int) -> Double { modelResults?[reduction] ?? 0 }
  /// Likewise over the group of the piece's parameter.
  public func group(_ reduction: Int) -> Double { groupResults?[reduction] ?? 0 }
  /// Likewise over the piece's parameter.
  public func tensor(_ reduction: Int) -> Double { tensorResults?[reduction] ?? 0 }
}

extension StepMoment {
  /// For a segment, with `width` numbers collected from each.
  @inline(__always) init(
    _ frame: UnsafePointer<optplug_frame>, _ segment: UnsafePointer<optplug_segment>, width: Int
  ) {
    let (frame, segment) = (frame.pointee, segment.pointee)
    self.init(
      step: Int(frame.step), parameterStep: Int(segment.parameter_step), pass: Int(frame.pass),
      phase: Int(frame.phase), loss: frame.loss, modelResults: frame.model_reductions,
      groupResults: frame.group_reductions.map { $0 + Int(segment.group_index) * width },
      tensorResults: frame.tensor_reductions.map { $0 + Int(segment.parameter_index) * width })
  }

  /// For the end of a pass, before its last phase.
  init(_ pass: UnsafePointer<optplug_pass>, phase: UInt32) {
    let pass = pass.pointee
    self.init(
      step: Int(pass.step), parameterStep: 0, pass: Int(pass.pass), phase: Int(phase), loss: pass.loss,
      modelResults: pass.model_reductions, groupResults: nil, tensorResults: nil)
  }
}
