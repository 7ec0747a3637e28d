// Steps of an optimizer whose parameters, gradients and state lie in the memory of a GPU.

import BasicFoundation

/// Takes the steps of an optimizer on a GPU, by kernels that were made of its formulas.
///
/// A step only enqueues work: a copy of its constants, and one launch for all parameters that are updated alike. The
/// CPU does not wait. While the stream is captured, a step becomes a part of the graph instead (`CUDARecording`).
package final class CUDASession {
  let optimizer: Optimizer
  /// The GPU's.
  package let number: Int
  let device: CUDADevice
  let places: CUDAPlaces
  private let fusion: Fusion
  private let staging: Staging
  private var stream: CUDADriver.Stream?
  private var hasStarted = false
  /// Held where counters advance: replays do that on a thread of the driver's. Nothing that waits for the GPU may be done
  /// with it.
  let counting = Lock()

  /// Launches that came up before, with their tables, by their first parameters, those used last at the end.
  private var known: [Int: [(launch: Fusion.Launch, table: LaunchTable)]] = [:]
  /// Gradients that come and go could make any number of them.
  private static let mostKnown = 16
  /// What state is reset by, by the kernels' sources: tables, and memory for constants.
  private var resets: [String: (table: LaunchTable, constants: CUDAMemory)] = [:]

  /// Constants of a step, as they were sent last.
  private var sent: [UInt8] = []
  private var constants: CUDAMemory
  private(set) var recordings: [CUDARecording] = []

  /// - Parameters:
  ///   - device: its number.
  ///   - cache: where kernels are kept.
  /// - Throws: `OptimizerError.formula` for an optimizer of the tree that has none, `gpu` where no GPU can be used.
  package init(_ optimizer: Optimizer, device number: Int, cache: ProgramCache = .standard()) throws {
    precondition(optimizer.isOnDevice, "the optimizer's parameters are the host's")
    (self.optimizer, self.number) = (optimizer, number)
    fusion = try Fusion(optimizer)
    places = CUDAPlaces(fusion)
    device = try CUDADevice.device(number, cache: cache)
    (staging, constants) = try device.use { [device] in
      (try Staging(device), try CUDAMemory(.device, byteCount: 1 << 12, device))
    }
  }

  deinit { close() }

  /// To be called before the session is given up: a replay that runs must not be its last owner, for that is a thread on
  /// which nothing of the driver's may be called.
  package func close() { for recording in recordings { recording.close() } }

  /// The stream on which work is enqueued from now on; nil is the default stream.
  package func use(stream: OpaquePointer?) { self.stream = stream }

  /// Takes a step, or captures it.
  /// - Parameter gradients: as of `Optimizer.step`, in the GPU's memory.
  /// - Throws: `OptimizerError`: as `step` does, `formula` for a step without a formula, `device`.
  package func step(gradients: [UnsafeRawPointer?], gradientScale: Double = 1) throws {
    try optimizer.checkStep(gradients, gradientScale)
    try device.use {
      var status: Int32 = 0
      try device.driver.check(device.driver.captureStatus(stream, &status), "cuStreamIsCapturing")
      let hasGradient = gradients.map { $0 != nil }
      guard status == 0 else { return try capture(gradients, hasGradient, gradientScale) }
      try waitForReplays()
      try startState()
      let updates = try fusion.launches(hasGradient: hasGradient, gradientScale: gradientScale)
      // What can fail comes before anything counts or runs.
      let tables = try updates.map { try preparedTable(for: $0, gradients) }
      let restarts = counting.withLock { count(hasGradient) }
      do {
        try enqueue(updates + restarts, tables + restarts.map { try preparedTable(for: $0, gradients) })
      } catch OptimizerError.gpu(let problem) {
        throw OptimizerError.device("compiling in the middle of a step", problem: problem)
      }
    }
  }

  /// What the next step launches, which counts as taken from here on: the updates, and what starts bases afresh then.
  /// To be called with `counting` held.
  func advance(_ hasGradient: [Bool], _ scale: Double) throws -> (
    updates: [Fusion.Launch], restarts: [Fusion.Launch]
  ) {
    let updates = try fusion.launches(hasGradient: hasGradient, gradientScale: scale)
    return (updates, count(hasGradient))
  }

  /// Counts a step. Returns what starts bases afresh after it.
  private func count(_ hasGradient: [Bool]) -> [Fusion.Launch] {
    optimizer.countStep { hasGradient[$0] }
    var restarts: [Fusion.Launch] = []
    optimizer.forEachRestart { bases, parameters in
      let nodes = optimizer.tree.nodes.indices.filter { place in
        bases.contains { $0 === optimizer.tree.nodes[place] }
      }
      for base in bases { for i in parameters { base.parameterSteps[i] = 0 } }
      restarts += fusion.initialLaunches(of: nodes, parameters: parameters)
    }
    return restarts
  }

  /// Sends the constants of launches, and launches them.
  private func enqueue(_ launches: [Fusion.Launch], _ tables: [LaunchTable]) throws {
    guard !launches.isEmpty else { return }
    let (bytes, offsets) = launches.packedConstants()
    if bytes != sent {
      sent = []
      if constants.byteCount < bytes.count {
        constants = try CUDAMemory(.device, byteCount: 2 * bytes.count, device)
      }
      try bytes.withUnsafeBytes { try staging.send($0, to: constants.address, on: stream) }
      sent = bytes
    }
    for (table, offset) in zip(tables, offsets) {
      try table.launch(constants.address + UInt64(offset), on: stream)
    }
  }

  /// The table for a launch, as the GPU will have it then.
  private func preparedTable(
    for launch: Fusion.Launch, _ gradients: [UnsafeRawPointer?]
  ) throws -> LaunchTable {
    let table = try table(for: launch)
    try table.update(launch.parameters, places, gradients: gradients) {
      try staging.send($0, to: $1, on: stream)
    }
    return table
  }

  private func table(for launch: Fusion.Launch) throws -> LaunchTable {
    let first = launch.parameters[0]
    var alike = known[first] ?? []
    let place = alike.firstIndex { launch.isSame($0.launch) }
    if let place, place == alike.count - 1 { return alike[place].table }
    let table: LaunchTable
    if let place {
      table = alike.remove(at: place).table
    } else {
      if alike.count >= Self.mostKnown { alike.removeFirst() }
      table = try makeTable(launch)
    }
    known[first] = alike + [(launch, table)]
    return table
  }

  func makeTable(_ launch: Fusion.Launch) throws -> LaunchTable {
    try LaunchTable(launch.program.cuda(launch.parameterType), launch.columns, device)
  }

  // ---- State ------------------------------------------------------------------------------------------

  /// Says where an array of state lies, with what it holds.
  /// - Throws: `OptimizerError.parameters` for NULL, and for an array that stays in the host's memory.
  package func move(_ array: StateArray, to address: UnsafeMutableRawPointer?) throws {
    guard optimizer.liesOnDevice(array), let parameter = array.parameter else {
      throw OptimizerError.parameters("'\(array.name)' is no state of the GPU and stays in the host's memory")
    }
    guard let address else {
      throw OptimizerError.parameters("'\(array.name)' needs memory of the GPU")
    }
    let place = UInt64(UInt(bitPattern: address))
    if let slot = array.slot {
      places.move(slot, to: place)
    } else {
      places.move(master: parameter, to: place)
    }
  }

  /// To be called when the trainer has moved a parameter.
  package func parametersHaveMoved() { places.parametersHaveMoved() }

  /// Gives all state its initial value, unless that was done.
  package func startState() throws {
    if !hasStarted { try device.use(start) }
  }

  private func start() throws {
    let table = optimizer.table
    for slot in optimizer.tree.nodes.flatMap(\.plan.modelSlots) { slot.reset(from: nil) }
    try reset(Array(table.parameters.indices))
    hasStarted = true
  }

  /// Gives all state of parameters its initial value.
  /// - Throws: `OptimizerError`.
  package func reset(parameters: [Int]) throws {
    try optimizer.checkIsIdle()
    try device.use {
      try waitForReplays()
      for node in optimizer.tree.nodes {
        for i in parameters where node.view.contains(i) { node.parameterSteps[i] = 0 }
      }
      if hasStarted { try reset(parameters) } else { try startState() }
    }
  }

  private func reset(_ parameters: [Int]) throws {
    let types = optimizer.table.trainerTypes
    let rounded = Dictionary(grouping: parameters.filter { types[$0].dtype.isHalf && types[$0].count > 0 }) {
      types[$0].dtype
    }
    for (dtype, parameters) in rounded {
      try reset(FusedProgram.cudaWidening(dtype), [.trained, .parameter], parameters, [])
    }
    let nodes = optimizer.tree.nodes
    for launch in fusion.initialLaunches(of: Array(nodes.indices), parameters: parameters) {
      try reset(
        launch.program.cuda(launch.parameterType), launch.columns, launch.parameters, launch.constants,
        launch.dtype)
    }
    for i in parameters {
      for node in nodes where node.view.contains(i) {
        for slot in node.ownSlots[i] where !optimizer.isStream(slot, of: i) { slot.reset(from: nil) }
      }
    }
  }

  private func reset(
    _ source: String, _ columns: [LaunchTable.Column], _ parameters: [Int], _ values: [Double],
    _ dtype: DType = .float32
  ) throws {
    var bytes: [UInt8] = []
    values.appendConstants(dtype, to: &bytes)
    let (table, memory) =
      try resets[source]
      ?? (LaunchTable(source, columns, device), CUDAMemory(.device, byteCount: bytes.count, device))
    resets[source] = (table, memory)
    try bytes.withUnsafeBytes { try staging.send($0, to: memory.address, on: stream) }
    try table.update(parameters, places, gradients: []) { try staging.send($0, to: $1, on: stream) }
    try table.launch(memory.address, on: stream)
  }

  // ---- Graphs -----------------------------------------------------------------------------------------

  /// Makes the step a part of the graph that is captured; none is taken.
  private func capture(_ gradients: [UnsafeRawPointer?], _ hasGradient: [Bool], _ scale: Double) throws {
    guard hasStarted else {
      throw OptimizerError.parameters(
        "the stream is captured, but there is no state yet; take a step before, as PyTorch's notes on graphs say"
      )
    }
    let recording = try CUDARecording(self, gradients, hasGradient, scale)
    try recording.enqueue(on: stream)
    recordings.append(recording)
  }

  /// Waits until graphs that hold steps of this optimizer have been replayed as often as they were launched.
  /// - Throws: `OptimizerError`: `device`, or what went wrong in a replay.
  package func settle() throws {
    if !recordings.isEmpty { try device.use { try waitForReplays() } }
  }

  private func waitForReplays() throws {
    guard !recordings.isEmpty else { return }
    try device.driver.check(device.driver.synchronize(), "cuCtxSynchronize")
    // One that has failed takes no more steps, and is told of once.
    guard let place = recordings.firstIndex(where: { $0.failure != nil }) else { return }
    let recording = recordings.remove(at: place)
    recording.close()
    if let failure = recording.failure { throw failure }
  }
}

extension Fusion.Launch {
  var columns: [LaunchTable.Column] {
    let streams: [LaunchTable.Column] = program.streams.map { stream in
      switch stream {
      case .parameter: .trained
      case .gradient: .gradient
      case .slot(let place): .slot(program.slots[place])
      }
    }
    return streams + (program.roundsParameter(parameterType) ? [.parameter] : [])
  }

  /// Whether a table for the one serves the other.
  func isSame(_ other: Fusion.Launch) -> Bool {
    parameters == other.parameters && parameterType == other.parameterType && program == other.program
  }

  /// Appends the constants as the kernel reads them, from a multiple of 16 bytes on.
  func appendConstants(to bytes: inout [UInt8]) { constants.appendConstants(dtype, to: &bytes) }
}

extension [Fusion.Launch] {
  /// The constants of all, one after another, and where those of each begin.
  func packedConstants() -> (bytes: [UInt8], offsets: [Int]) {
    var bytes: [UInt8] = []
    let offsets = map { launch in
      let offset = bytes.count
      launch.appendConstants(to: &bytes)
      return offset
    }
    return (bytes, offsets)
  }
}

extension [Double] {
  fileprivate func appendConstants(_ dtype: DType, to bytes: inout [UInt8]) {
    func append<T>(_ value: T) { Swift.withUnsafeBytes(of: value) { bytes += $0 } }
    append(Int64(1))
    for number in self { if dtype == .float64 { append(number) } else { append(Float(number)) } }
    while bytes.count % 16 != 0 { bytes.append(0) }
  }
}
