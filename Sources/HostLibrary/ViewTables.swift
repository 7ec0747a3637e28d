// The tables of optplug_host_view: C structs that live as long as the optimizer.

import COptPlugHost
import BasicFoundation
import OptimizerHost

/// Nodes, hyperparameters and state of an optimizer as the C interface shows them.
final class ViewTables {
  private let nodes: UnsafeMutableBufferPointer<optplug_host_node>
  private let hyperparameters: UnsafeMutableBufferPointer<optplug_host_hyperparameter>
  private let arrays: UnsafeMutableBufferPointer<optplug_host_array>
  private var texts: [String: UnsafeMutablePointer<CChar>] = [:]
  private let shapes: UnsafeMutableBufferPointer<Int64>
  private let state: [StateArray]

  init(_ optimizer: Optimizer, _ cells: [Optimizer.HyperparameterCell]) {
    let facts = optimizer.nodeFacts()
    state = optimizer.stateArrays()
    nodes = .allocate(capacity: facts.count)
    hyperparameters = .allocate(capacity: cells.count)
    arrays = .allocate(capacity: state.count)
    shapes = .allocate(capacity: state.reduce(0) { $0 + $1.shape.count })
    for (i, node) in facts.enumerated() {
      nodes.initializeElement(
        at: i,
        to: optplug_host_node(
          struct_size: size(optplug_host_node.self), parent: UInt32(node.parent), name: text(node.name),
          path: text(node.path), file: text(node.file), granularity: node.granularity.kind,
          granularity_block: node.granularity.block, capabilities: node.capabilities))
    }
    for (i, cell) in cells.enumerated() {
      hyperparameters.initializeElement(
        at: i,
        to: optplug_host_hyperparameter(
          struct_size: size(optplug_host_hyperparameter.self), node: UInt32(cell.node), path: text(cell.path),
          key: text(cell.key), description: cell.description))
    }
    var place = 0
    for (i, array) in state.enumerated() {
      let shape = place
      for extent in array.shape {
        shapes.initializeElement(at: place, to: Int64(extent))
        place += 1
      }
      arrays.initializeElement(
        at: i,
        to: optplug_host_array(
          struct_size: size(optplug_host_array.self), kind: array.kind.abi, node: UInt32(array.node),
          parameter: array.parameter.map(UInt32.init) ?? OPTPLUG_HOST_NO_PARAMETER, name: text(array.name),
          data: optimizer.liesOnDevice(array) ? nil : array.memory,
          shape: array.shape.isEmpty ? nil : UnsafePointer(shapes.baseAddress.map { $0 + shape }),
          ndim: UInt32(array.shape.count), role: array.role, dtype: array.dtype.dlpack,
          extent: array.shapeRule))
    }
  }

  deinit {
    nodes.deallocate()
    hyperparameters.deallocate()
    arrays.deallocate()
    shapes.deallocate()
    for text in texts.values { free(text) }
  }

  /// Fills in what the caller's struct has room for.
  func show(_ optimizer: Optimizer, in view: UnsafeMutablePointer<optplug_host_view>) throws {
    guard view.pointee.struct_size >= OPTPLUG_HOST_VIEW_SIZE_1_0 else {
      throw HostError.argument("the view's struct_size is not set")
    }
    view.pointee.flags =
      (optimizer.mayReevaluate ? OPTPLUG_HOST_REEVALUATES : 0)
      | (optimizer.hasEvaluationWeights ? OPTPLUG_HOST_HAS_EVALUATION_WEIGHTS : 0)
      | (optimizer.conformanceSumsUp ? OPTPLUG_HOST_REDUCES : 0)
      | (optimizer.usesPrograms ? OPTPLUG_HOST_USES_PROGRAMS : 0)
    view.pointee.nodes = span(nodes)
    view.pointee.hyperparameters = span(hyperparameters)
    view.pointee.arrays = span(arrays)
    view.pointee.step = optimizer.stepCount
    (view.pointee.granularity, view.pointee.granularity_block) = optimizer.granularity
  }

  /// Lets an array lie elsewhere, or where it was, once `move` has moved it.
  func move(_ place: UInt32, to data: UnsafeMutableRawPointer?, by move: (StateArray) throws -> Void) throws {
    guard place < state.count else {
      throw HostError.argument("there is no array \(place); there are \(state.count)")
    }
    let array = state[Int(place)]
    if let data, UInt(bitPattern: data) % 64 != 0 {
      throw HostError.argument("the memory for '\(array.name)' is not 64-byte aligned")
    }
    try move(array)
    arrays[Int(place)].data = data ?? array.memory
  }

  private func span<T>(_ elements: UnsafeMutableBufferPointer<T>) -> optplug_span {
    optplug_span(
      data: elements.baseAddress, count: UInt32(elements.count), stride: size(T.self))
  }

  private func size<T>(_: T.Type) -> UInt32 { UInt32(MemoryLayout<T>.size) }

  private func text(_ text: String) -> UnsafePointer<CChar>? {
    if let known = texts[text] { return UnsafePointer(known) }
    let copy = strdup(text)
    texts[text] = copy
    return UnsafePointer(copy)
  }
}

extension StateArray.Kind {
  fileprivate var abi: UInt32 {
    switch self {
    case .slot: OPTPLUG_HOST_ARRAY_SLOT
    case .counter: OPTPLUG_HOST_ARRAY_COUNTER
    case .master: OPTPLUG_HOST_ARRAY_MASTER
    }
  }
}
