// What a kernel reads to find its tensors: segments and chunks, in the GPU's memory.

/// A kernel, the tensors that one launch of it updates, and where their streams lie.
final class LaunchTable {
  /// What a stream of a kernel is.
  enum Column: Equatable {
    /// What is trained: the parameter, or its master.
    case trained
    /// The parameter itself.
    case parameter
    case gradient
    case slot(FusedProgram.Slot)
  }

  typealias Send = (UnsafeRawBufferPointer, CUDADriver.Address) throws -> Void

  private let device: CUDADevice
  private let function: CUDADriver.Function
  private let columns: [Column]
  private let gradientColumn: Int?
  private(set) var parameters: [Int] = []
  /// Per tensor its streams and its elements, then the chunks.
  private var words: [UInt64] = []
  private var chunkCount = 0
  private var memory: CUDAMemory?
  /// Of the places for which the words were written.
  private var generation = -1

  /// - Throws: `OptimizerError.gpu`, `device`.
  init(_ source: String, _ columns: [Column], _ device: CUDADevice) throws {
    self.device = device
    self.columns = columns
    gradientColumn = columns.firstIndex(of: .gradient)
    function = try device.function(source)
  }

  /// Makes the table that of these parameters and gradients, and sends it where it has changed.
  /// - Parameters:
  ///   - places: of all other streams.
  ///   - gradients: of all parameters.
  /// - Throws: `OptimizerError.parameters` where a stream lies nowhere, `device`.
  func update(
    _ parameters: [Int], _ places: CUDAPlaces, gradients: [UnsafeRawPointer?], send: Send
  ) throws {
    var hasChanged = false
    if generation != places.generation || parameters != self.parameters {
      try write(parameters, places)
      hasChanged = true
    }
    if let gradientColumn {
      let width = columns.count + 1
      for (row, parameter) in parameters.enumerated() {
        let word = UInt64(UInt(bitPattern: gradients[parameter]))
        if words[row * width + gradientColumn] != word {
          guard word != 0 else { throw places.nowhere("the gradient", parameter) }
          words[row * width + gradientColumn] = word
          hasChanged = true
        }
      }
    }
    guard hasChanged else { return }
    let byteCount = words.count * 8
    if memory.map({ $0.byteCount < byteCount }) ?? true {
      memory = try CUDAMemory(.device, byteCount: 2 * byteCount, device)
    }
    generation = -1  // until it is there
    if let memory { try words.withUnsafeBytes { try send($0, memory.address) } }
    generation = places.generation
  }

  private func write(_ parameters: [Int], _ places: CUDAPlaces) throws {
    var words: [UInt64] = []
    words.reserveCapacity(parameters.count * (columns.count + 2))
    for parameter in parameters {
      for column in columns { words.append(column == .gradient ? 0 : try places.place(column, parameter)) }
      words.append(UInt64(places.count(parameter)))
    }
    chunkCount = 0
    for (row, parameter) in parameters.enumerated() {
      let chunks = (places.count(parameter) + FusedProgram.cudaChunk - 1) / FusedProgram.cudaChunk
      for part in 0..<chunks { words.append(UInt64(row) | UInt64(part) << 32) }
      chunkCount += chunks
    }
    (self.words, self.parameters) = (words, parameters)
  }

  /// Enqueues the kernel with constants that lie in the GPU's memory.
  /// - Throws: `OptimizerError.device`.
  func launch(_ constants: CUDADriver.Address, on stream: CUDADriver.Stream?) throws {
    guard let memory, chunkCount > 0 else { return }
    var segments = memory.address
    var chunks = segments + UInt64(parameters.count * (columns.count + 1) * 8)
    var constants = constants
    let driver = device.driver
    let status = withUnsafeMutablePointer(to: &segments) { segments in
      withUnsafeMutablePointer(to: &chunks) { chunks in
        withUnsafeMutablePointer(to: &constants) { constants in
          var arguments: [UnsafeMutableRawPointer?] = [.init(segments), .init(chunks), .init(constants)]
          return driver.launch(
            function, UInt32(chunkCount), 1, 1, UInt32(FusedProgram.cudaThreads), 1, 1, 0, stream,
            &arguments, nil)
        }
      }
    }
    try driver.check(status, "cuLaunchKernel")
  }
}
