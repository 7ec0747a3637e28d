// Steps that are taken by compiled programs in place of the optimizers' own code.

import BasicFoundation

/// What an optimizer needs to be stepped by compiled programs.
final class ProgramStep {
  private let fusion: Fusion
  private let compiler: ProgramCompiler
  private let work = ProgramWork()
  private let pieceElements: Int
  /// What was compiled, by the type of the parameters.
  private var compiled: [DType: [FusedProgram: CompiledProgram]] = [:]
  /// Per situation, the pieces for each of the programs that it has come to.
  private var tables: [[PieceTable]] = []
  /// Where everything lay for the tables.
  private var division = 0
  private var moves = 0
  private var gradients: [UnsafeRawPointer?] = []
  private var hasGradient: [Bool] = []
  private var gradientNumber = 0

  /// - Throws: `OptimizerError.formula` for the first optimizer that has none.
  init(_ optimizer: Optimizer, _ compiler: ProgramCompiler, pieceElements: Int) throws {
    fusion = try Fusion(of: optimizer, owner: nil)
    self.compiler = compiler
    self.pieceElements = pieceElements
  }

  /// Makes everything ready for a step; nothing that is trained has changed.
  /// - Returns: the work of the step, with its pieces and elements.
  /// - Throws: `OptimizerError.formula` where an optimizer has no list for this step, `program`, `call`.
  func prepare(_ newGradients: [UnsafeRawPointer?], gradientScale: Double) throws -> (
    work: any SharedWork, count: Int, elements: Int
  ) {
    let optimizer = fusion.optimizer
    if !gradients.withUnsafeBufferPointer({ newGradients.elementsAreThose(of: $0) }) {
      gradients = newGradients
      hasGradient = newGradients.map { $0 != nil }
      gradientNumber += 1
    }
    let launches = try fusion.launches(hasGradient: hasGradient, gradientScale: gradientScale)
    if division != fusion.divisions || moves != optimizer.engine.moves {
      (division, moves) = (fusion.divisions, optimizer.engine.moves)
      tables.removeAll(keepingCapacity: true)
    }
    work.clear()
    for launch in launches {
      let table = try table(for: launch)
      table.prepare(launch.constants, gradients, number: gradientNumber)
      work.add(table)
    }
    return (work, work.count, work.elements)
  }

  private func table(for launch: Fusion.Launch) throws -> PieceTable {
    while tables.count <= launch.situation { tables.append([]) }
    if let known = tables[launch.situation].first(where: { $0.program == launch.program }) { return known }
    let code: CompiledProgram
    if let known = compiled[launch.parameterType]?[launch.program] {
      code = known
    } else {
      code = try compiler.compile(launch.program, launch.parameterType)
      compiled[launch.parameterType, default: [:]][launch.program] = code
    }
    let masters = fusion.optimizer.table.masters
    let isRounded = launch.program.roundsParameter(launch.parameterType)
    let streams = launch.program.streams
    let parameters = launch.parameters.map { parameter in
      PieceTable.Streams(
        memory: streams.map { fusion.memory($0, of: launch.program, parameter: parameter) }
          + (isRounded ? [masters?.original(of: parameter)?.values] : []),
        parameter: parameter, count: fusion.optimizer.table.parameters[parameter].count)
    }
    let table = PieceTable(launch, code, parameters, pieceElements: pieceElements)
    tables[launch.situation].append(table)
    return table
  }
}

/// All batches of a step: what the threads do.
private final class ProgramWork: SharedWork {
  /// The batches of one table, by their numbers in the step.
  private struct Part {
    let table: PieceTable
    let first: Int
    let end: Int
  }

  private var parts: [Part] = []
  private(set) var count = 0
  private(set) var elements = 0

  func clear() {
    parts.removeAll(keepingCapacity: true)
    (count, elements) = (0, 0)
  }

  func add(_ table: PieceTable) {
    guard !table.batches.isEmpty else { return }
    parts.append(Part(table: table, first: count, end: count + table.batches.count))
    count += table.batches.count
    elements += table.elements
  }

  func work(worker: Int, pieces: PieceCounter) {
    var place = 0
    // The exceptions of its arithmetic are not the trainer's.
    keepingFloatingPointMode {
      while let piece = pieces.next(for: worker) {
        while piece >= parts[place].end { place += 1 }
        while piece < parts[place].first { place -= 1 }
        let table = parts[place].table
        let batch = table.batches[piece - parts[place].first]
        table.function(table.pieces + batch.lowerBound * table.width, Int64(batch.count), table.constants)
      }
    }
  }
}
