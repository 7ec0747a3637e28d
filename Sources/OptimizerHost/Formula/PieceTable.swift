// The elements of a launch, cut into pieces as a compiled program takes them.

/// The pieces of all parameters that one compiled program updates.
///
/// Parameters that lie side by side in all that the program touches are cut as one, large ones are cut up, and small ones
/// are handed out together: many small tensors in an arena cost what one large one does.
final class PieceTable {
  /// Where the streams of a parameter lie, but for the gradient.
  struct Streams {
    /// Per stream; nil for the gradient.
    let memory: [UnsafeMutableRawPointer?]
    let parameter: Int
    let count: Int
  }

  let program: FusedProgram
  let function: CompiledProgram.Function
  /// Of the step.
  let constants: UnsafeMutableRawPointer
  /// Per piece, its pointers and its elements.
  private(set) var pieces: UnsafeMutablePointer<UInt>
  private var capacity = 0
  /// Words of a piece.
  let width: Int
  /// What one worker takes at a time: consecutive pieces.
  private(set) var batches: [Range<Int>] = []
  /// Over all pieces.
  let elements: Int
  private let parameters: [Streams]
  /// Bytes of an element of each stream.
  private let sizes: [Int]
  private let gradientPlace: Int?
  private let isDouble: Bool
  private let pieceElements: Int
  /// Per piece, the place of its first parameter among `parameters`, and its first element there.
  private var origins: [(place: Int, offset: Int)] = []
  /// Per parameter, whether it continues its predecessor, and whether its gradient was ever elsewhere: those that move
  /// from step to step are not looked for again.
  private var isJoined: [Bool]
  private var isApart: [Bool]
  /// Which gradients the pieces point at.
  private var gradientNumber = -1

  init(
    _ launch: Fusion.Launch, _ compiled: CompiledProgram, _ parameters: [Streams], pieceElements: Int
  ) {
    program = launch.program
    function = compiled.function
    self.parameters = parameters
    self.pieceElements = max(1, pieceElements)
    isDouble = launch.dtype == .float64
    let (narrow, wide) = (launch.parameterType.size, launch.dtype.size)
    let streams = program.streams
    sizes =
      streams.map { $0 == .gradient ? narrow : wide }
      + (launch.parameterType.isHalf && program.writesParameter ? [narrow] : [])
    gradientPlace = streams.firstIndex(of: .gradient)
    width = sizes.count + 1
    elements = parameters.reduce(0) { $0 + $1.count }
    constants = .allocate(byteCount: max(1, program.constantCount) * 8, alignment: 64)
    pieces = .allocate(capacity: 1)
    isJoined = Array(repeating: false, count: parameters.count)
    isApart = isJoined
  }

  deinit {
    constants.deallocate()
    pieces.deallocate()
  }

  /// Sets what a step brings.
  /// - Parameters:
  ///   - gradients: per parameter of the optimizer.
  ///   - number: of these gradients; the same as long as they lie where they did.
  func prepare(_ constants: [Double], _ gradients: [UnsafeRawPointer?], number: Int) {
    if isDouble {
      let own = self.constants.assumingMemoryBound(to: Double.self)
      for (i, value) in constants.enumerated() { own[i] = value }
    } else {
      let own = self.constants.assumingMemoryBound(to: Float.self)
      for (i, value) in constants.enumerated() { own[i] = Float(value) }
    }
    guard number != gradientNumber else { return }
    if gradientNumber < 0 || separate(gradients) { cut(gradients) } else { show(gradients) }
    gradientNumber = number
  }

  /// Separates those whose gradients are not neighbours any more, for good.
  /// - Returns: whether any were joined.
  private func separate(_ gradients: [UnsafeRawPointer?]) -> Bool {
    guard gradientPlace != nil else { return false }
    var found = false
    for i in parameters.indices where isJoined[i] && !followsInGradients(i, gradients) {
      isApart[i] = true
      found = true
    }
    return found
  }

  private func followsInGradients(_ i: Int, _ gradients: [UnsafeRawPointer?]) -> Bool {
    guard let gradientPlace else { return true }
    let (before, this) = (parameters[i - 1], parameters[i])
    return gradients[before.parameter].map { $0 + before.count * sizes[gradientPlace] }
      == gradients[this.parameter]
  }

  private func follows(_ i: Int, _ gradients: [UnsafeRawPointer?]) -> Bool {
    guard i > 0, !isApart[i], followsInGradients(i, gradients) else { return false }
    let (before, this) = (parameters[i - 1], parameters[i])
    return sizes.indices.allSatisfy { stream in
      before.memory[stream].map { $0 + before.count * sizes[stream] } == this.memory[stream]
    }
  }

  /// Points the pieces at the gradients.
  private func show(_ gradients: [UnsafeRawPointer?]) {
    guard let gradientPlace else { return }
    let size = sizes[gradientPlace]
    for (i, origin) in origins.enumerated() {
      let gradient = gradients[parameters[origin.place].parameter]
      pieces[i * width + gradientPlace] = UInt(bitPattern: gradient.map { $0 + origin.offset * size })
    }
  }

  /// Makes the pieces.
  private func cut(_ gradients: [UnsafeRawPointer?]) {
    for i in parameters.indices { isJoined[i] = follows(i, gradients) }
    origins.removeAll(keepingCapacity: true)
    batches.removeAll(keepingCapacity: true)
    var counts: [Int] = []
    var first = 0
    var elementsOfBatch = 0
    func close() {
      if first < origins.count { batches.append(first..<origins.count) }
      (first, elementsOfBatch) = (origins.count, 0)
    }
    var place = 0
    while place < parameters.count {
      let start = place
      var left = parameters[place].count
      place += 1
      while place < parameters.count, isJoined[place] {
        left += parameters[place].count
        place += 1
      }
      var (inside, offset) = (start, 0)
      while left > 0 {
        let count = min(pieceElements, left)
        if count > pieceElements - elementsOfBatch { close() }
        origins.append((inside, offset))
        counts.append(count)
        elementsOfBatch += count
        left -= count
        offset += count
        while left > 0, offset >= parameters[inside].count {
          offset -= parameters[inside].count
          inside += 1
        }
      }
    }
    close()
    if origins.count > capacity {
      pieces.deallocate()
      capacity = origins.count
      pieces = .allocate(capacity: capacity * width)
    }
    for (i, origin) in origins.enumerated() {
      let piece = pieces + i * width
      let memory = parameters[origin.place].memory
      for (stream, size) in sizes.enumerated() {
        (piece + stream).initialize(to: UInt(bitPattern: memory[stream].map { $0 + origin.offset * size }))
      }
      (piece + width - 1).initialize(to: UInt(counts[i]))
    }
    show(gradients)
  }
}
