// What an optplug_host_optimizer is.

import COptPlugHost
import BasicFoundation
import OptimizerHost
import Safetensors

/// An optimizer, the trainer's tensors, and the tables that the trainer looks at.
final class HostOptimizer {
  let optimizer: Optimizer
  let parameters: ForeignParameters
  let cells: [Optimizer.HyperparameterCell]
  private var tables: ViewTables?
  /// Takes the steps where the tensors lie on a GPU, from the first `use` of it on.
  private var cuda: CUDASession?
  /// `Optimizer.programProblem` as C takes it, which never changes once it is there.
  private var problem: UnsafeMutablePointer<CChar>?

  /// Loading and planning plugins is one call at a time for the whole library.
  static let main = Lock()

  init(_ options: UnsafePointer<optplug_host_options>?) throws {
    guard let options, options.pointee.struct_size >= OPTPLUG_HOST_OPTIONS_SIZE_1_0 else {
      throw HostError.argument("the options are missing, or their struct_size is not set")
    }
    let raw = options.pointee
    guard let expression = raw.expression.flatMap({ String(validatingCString: $0) }) else {
      throw HostError.argument("the options have no expression, or one that is no UTF-8")
    }
    let isOnDevice = raw.flags & OPTPLUG_HOST_CUDA != 0
    parameters = try ForeignParameters(raw.parameters, areRowMajor: isOnDevice)
    let groupCount = max(1, Int(raw.group_count))
    guard groupCount < 1 << 24 else { throw HostError.argument("more than 16 million parameter groups") }
    let registry = Self.registry(
      raw.search_path, raw.probe, allowsInsecure: raw.flags & OPTPLUG_HOST_ALLOW_INSECURE != 0)
    let threads = raw.threads == 0 ? ProcessInfo.processInfo.activeProcessorCount : Int(raw.threads)
    optimizer = try Optimizer(
      OptimizerExpression(parsing: expression), registry: registry, parameters: parameters.parameters,
      groups: Self.groups(raw.settings, count: groupCount), threads: min(threads, 1024), seed: raw.seed,
      compiler: raw.flags & OPTPLUG_HOST_JIT != 0 && !isOnDevice ? ProgramCompiler() : nil,
      isOnDevice: isOnDevice)
    cells = optimizer.hyperparameterCells()
  }

  static func registry(
    _ searchPath: UnsafePointer<CChar>?, _ probe: UnsafePointer<CChar>?, allowsInsecure: Bool = false
  ) -> PluginRegistry {
    var scanning = LibraryPlaces.scanning()
    scanning.allowsInsecure = allowsInsecure
    if let probe { scanning.probe = String(cString: probe) }
    let folders = searchPath.map { String(cString: $0).split(separator: ":").map(String.init) }
    return PluginRegistry(searchPath: folders ?? LibraryPlaces.searchPath(), scanning: scanning)
  }

  private static func groups(_ span: optplug_span, count: Int) throws -> [ParameterGroup] {
    var settings = Array(repeating: [(name: String, value: String)](), count: count)
    for i in 0..<Int(span.count) {
      let raw = try element(span, i, optplug_host_setting.self, least: OPTPLUG_HOST_SETTING_SIZE_1_0)
      guard let name = raw.name, let value = raw.value else {
        throw HostError.argument("setting \(i) has no name or no value")
      }
      let all = raw.group == OPTPLUG_HOST_ALL_GROUPS
      guard all || raw.group < count else {
        throw HostError.argument(
          "hyperparameter '\(String(cString: name))': there is no group \(raw.group); there are \(count)")
      }
      for group in all ? 0..<count : Int(raw.group)..<Int(raw.group) + 1 {
        settings[group].append((String(cString: name), String(cString: value)))
      }
    }
    return settings.enumerated().map { ParameterGroup(name: "\($0.offset)", settings: $0.element) }
  }

  deinit {
    cuda?.close()
    free(problem)
  }

  /// Why the optimizers' own code takes steps; nil when there is no reason.
  func programProblem() -> UnsafeMutablePointer<CChar>? {
    if problem == nil { problem = optimizer.programProblem.map { strdup($0) } ?? nil }
    return problem
  }

  /// The tables that a trainer looks at, made at the first look.
  func view() -> ViewTables {
    if let tables { return tables }
    parameters.gather()
    let made = ViewTables(optimizer, cells)
    tables = made
    return made
  }

  /// Runs `body` on the trainer's values as they are, and shows it what has become of them.
  private func onValues(_ body: () throws -> Void) throws {
    parameters.gather()
    defer { parameters.scatter() }
    try body()
  }

  func enterEvaluation() throws { try onValues { try optimizer.enterEvaluation() } }

  func leaveEvaluation() throws { try onValues { try optimizer.leaveEvaluation() } }

  func step(_ arguments: UnsafeMutablePointer<optplug_host_step_arguments>) throws {
    let raw = arguments.pointee
    guard raw.struct_size >= OPTPLUG_HOST_STEP_ARGUMENTS_SIZE_1_0 else {
      throw HostError.argument("the struct_size of the step's arguments is not set")
    }
    guard let gradients = raw.gradients ?? (parameters.count == 0 ? UnsafePointer(bitPattern: 64) : nil)
    else {
      throw HostError.argument("the step has no gradients")
    }
    try optimizer.checkIsIdle()
    if optimizer.isOnDevice { return try stepOnDevice(raw, gradients) }
    let dense = try parameters.gathered(gradients, raw.gradient_strides)
    let clips = raw.flags & OPTPLUG_HOST_CLIPS != 0
    do {
      try onValues {
        let norm = try optimizer.step(
          gradients: dense, clippingNorm: clips ? raw.clipping_norm : nil,
          gradientScale: raw.flags & OPTPLUG_HOST_SCALES != 0 ? raw.gradient_scale : 1,
          loss: raw.flags & OPTPLUG_HOST_KNOWS_LOSS != 0 ? raw.loss : .nan,
          reevaluate: raw.reevaluate.map { function in
            { try self.evaluate(function, raw.context, gradients, raw.gradient_strides) }
          })
        if let norm { arguments.pointee.norm = norm }
      }
    } catch OptimizerError.norm(let norm) {
      arguments.pointee.norm = norm
      throw OptimizerError.norm(norm)
    }
  }

  // ---- On a GPU ---------------------------------------------------------------------------------------

  /// Enqueues work on a stream of a GPU from now on.
  func use(device: Int32, stream: UnsafeMutableRawPointer?) throws {
    guard optimizer.isOnDevice else {
      throw HostError.argument("the optimizer was opened without OPTPLUG_HOST_CUDA")
    }
    let cuda = try self.cuda ?? CUDASession(optimizer, device: Int(device))
    guard cuda.number == device else {
      throw HostError.argument("the optimizer is on GPU \(cuda.number), not \(device)")
    }
    self.cuda = cuda
    cuda.use(stream: stream.map { OpaquePointer($0) })
  }

  /// What takes the steps on the GPU.
  /// - Throws: `HostError` before `use`.
  private func session() throws -> CUDASession {
    guard let cuda else {
      throw HostError(
        status: OPTPLUG_FAILED_PRECONDITION,
        description: "nothing says which GPU and stream to use; call optplug_host_use_cuda first")
    }
    return cuda
  }

  private func stepOnDevice(
    _ raw: optplug_host_step_arguments, _ gradients: UnsafePointer<UnsafeRawPointer?>
  ) throws {
    guard raw.flags & OPTPLUG_HOST_CLIPS == 0 else {
      throw HostError.argument("gradients on a GPU are not clipped by a step; clip them before it")
    }
    try session().step(
      gradients: parameters.gathered(gradients, raw.gradient_strides),
      gradientScale: raw.flags & OPTPLUG_HOST_SCALES != 0 ? raw.gradient_scale : 1)
  }

  /// Waits for replays of graphs that hold steps, as everything must that looks at the optimizer or changes it.
  func settle() throws { try cuda?.settle() }

  func move(array: UInt32, to data: UnsafeMutableRawPointer?) throws {
    let cuda = optimizer.isOnDevice ? try session() : nil
    try view().move(array, to: data) { array in
      if let cuda { try cuda.move(array, to: data) } else { try optimizer.move(array, to: data) }
    }
  }

  /// Lets the trainer compute loss and gradients again.
  private func evaluate(
    _ function: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<Double>?) -> optplug_status,
    _ context: UnsafeMutableRawPointer?, _ gradients: UnsafePointer<UnsafeRawPointer?>,
    _ strides: UnsafePointer<UnsafePointer<Int64>?>?
  ) throws -> Double {
    parameters.scatter()
    var loss = Double.nan
    let status = function(context, &loss)
    guard status == OPTPLUG_OK else { throw EvaluationFailed(status: status) }
    _ = try parameters.gathered(gradients, strides)
    return loss
  }

  func move(_ parameter: UInt32, to data: UnsafeMutableRawPointer?) throws {
    try check(parameter)
    try optimizer.checkIsIdle()
    if let place = try parameters.move(Int(parameter), to: data) {
      try optimizer.move(parameter: Int(parameter), to: place)
      cuda?.parametersHaveMoved()
    }
  }

  /// All state as a safetensors file: its header, then the bytes of the tensors, one after another.
  func save() throws -> [[UInt8]] {
    try optimizer.checkIsIdle()
    try optimizer.checkIsOnHost()
    parameters.gather()
    let tensors = optimizer.state()
    let file = SafetensorsFile(tensors: tensors, metadata: ["expression": optimizer.expression])
    return [file.header] + tensors.map(\.bytes)
  }

  func restore(_ bytes: [UInt8]) throws {
    let file: SafetensorsFile
    do throws(SafetensorsFile.Malformed) { file = try SafetensorsFile(bytes: bytes) } catch {
      throw HostError(
        status: OPTPLUG_FAILED_PRECONDITION,
        description: "optimizer state: no safetensors file: \(error.reason)")
    }
    try optimizer.checkIsIdle()
    parameters.gather()
    try optimizer.restore(file.tensors)
  }

  func reset(_ places: UnsafeBufferPointer<UInt32>) throws {
    for place in places { try check(place) }
    if optimizer.isOnDevice { return try session().reset(parameters: places.map(Int.init)) }
    parameters.gather()
    for place in places { try optimizer.reset(parameter: Int(place)) }
  }

  func stateHasChanged(step: UInt64) throws {
    if optimizer.isOnDevice { try session().startState() }
    try optimizer.stateHasChanged(step: step)
  }

  /// The hyperparameter at a place of the view.
  func cell(_ index: UInt32) throws -> Optimizer.HyperparameterCell {
    guard index < cells.count else {
      throw HostError.argument("there is no hyperparameter \(index); there are \(cells.count)")
    }
    return cells[Int(index)]
  }

  private func check(_ parameter: UInt32) throws {
    guard parameter < parameters.count else {
      throw HostError.argument("there is no parameter \(parameter); there are \(parameters.count)")
    }
  }
}
