// A tensor as layers see it: a shape, and a layout that only the device understands.

/// How a device has ordered a tensor's elements in memory.
protocol TensorLayout {
  /// Bytes that a tensor in this layout takes, padding included.
  var byteCount: Int { get }
}

/// A value that operations read and write. It has an address only after its program was planned.
final class Tensor {
  enum Storage {
    /// In the arena, at an offset that the program's planner sets.
    case planned(Arena, offset: Int)
    /// In memory that outlives the program: parameters, gradients, running statistics.
    case fixed(UnsafeMutableRawPointer)
  }

  /// `[N, C, H, W]` for images, `[N, F]` for rows, `[C]` for one value per channel.
  let shape: [Int]
  let layout: any TensorLayout
  var storage: Storage

  init(shape: [Int], layout: any TensorLayout, storage: Storage) {
    self.shape = shape
    self.layout = layout
    self.storage = storage
  }

  var elementCount: Int { shape.reduce(1, *) }
  var byteCount: Int { layout.byteCount }

  var pointer: UnsafeMutableRawPointer {
    switch storage {
    case .planned(let arena, let offset): return arena.base + offset
    case .fixed(let address): return address
    }
  }

  /// The elements in the layout's order; only meaningful for tensors of floats.
  var floats: UnsafeMutablePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
}
