// A trainer that was built with a later header, in which every struct has grown.

import COptPlugHost
import OptimizerHost
import TestSupport
import Testing

@Suite struct GrowthTests {
  /// Structs with unknown members behind those of 1.0, which hold anything.
  private func grown<T: BitwiseCopyable>(_ elements: [T], by more: Int, _ arena: Arena)
    -> UnsafeMutableRawPointer
  {
    let stride = MemoryLayout<T>.stride + more
    let bytes = elements.flatMap { element in
      var bytes = [element].bytes + Array(repeating: 0xC3, count: more)
      bytes.withUnsafeMutableBytes { $0.storeBytes(of: UInt32(stride), as: UInt32.self) }
      return bytes
    }
    return UnsafeMutableRawPointer(arena.array(bytes))
  }

  private func span<T: BitwiseCopyable>(_ elements: [T], by more: Int, _ arena: Arena) -> optplug_span {
    optplug_span(
      data: grown(elements, by: more, arena), count: UInt32(elements.count),
      stride: UInt32(MemoryLayout<T>.stride + more))
  }

  @Test func largerStructsAreAccepted() throws {
    let (plain, other) = (model(groups: 2), model(groups: 2))
    let trainer = try Trainer(
      Options("lookahead(k=2, adam)", plain, groups: 2, settings: [(1, "lr", "0.5")]), plain)
    let arena = Arena()
    var options = Options("lookahead(k=2, adam)", other, groups: 2, settings: [(1, "lr", "0.5")])
    options.raw.parameters = span(
      options.raw.parameters.elements(as: optplug_host_parameter.self), by: 24, arena)
    options.raw.settings = span(options.raw.settings.elements(as: optplug_host_setting.self), by: 8, arena)
    let raw = grown([options.raw], by: 40, arena).assumingMemoryBound(to: optplug_host_options.self)
    var optimizer: OpaquePointer?
    try call { Library.open(raw, &optimizer, $0) }
    defer { Library.close(optimizer) }

    for step in 1...3 {
      let gradients = gradients(of: plain, step: step)
      let norm = try trainer.step(gradients) { ($0.flags, $0.clipping_norm) = (OPTPLUG_HOST_CLIPS, 1) }.norm
      var arguments = optplug_host_step_arguments()
      (arguments.flags, arguments.clipping_norm) = (OPTPLUG_HOST_CLIPS | 0xFF00, 1)
      arguments.gradients = UnsafePointer(arena.array(gradients.map { $0.map { UnsafeRawPointer($0.base) } }))
      let larger = grown([arguments], by: 16, arena)
      try call {
        Library.step(optimizer, larger.assumingMemoryBound(to: optplug_host_step_arguments.self), $0)
      }
      #expect(larger.load(as: optplug_host_step_arguments.self).norm == norm)
      withExtendedLifetime(gradients) {}
    }
    #expect(plain.map(\.values) == other.map(\.values))
  }

  /// What the library does not know it leaves as it is.
  @Test func aLargerViewKeepsWhatTheLibraryDoesNotKnow() throws {
    let (tensor, arena) = (line(), Arena())
    let trainer = try Trainer("adam", [tensor])
    let view = grown([optplug_host_view()], by: 32, arena)
    try call { Library.look(trainer.optimizer, view.assumingMemoryBound(to: optplug_host_view.self), $0) }
    #expect(view.load(as: optplug_host_view.self).struct_size == 104)
    #expect(view.load(as: optplug_host_view.self).nodes.count == 1)
    #expect((72..<104).allSatisfy { view.load(fromByteOffset: $0, as: UInt8.self) == 0xC3 })
  }

  @Test func theMinorIsTold() { #expect(Library.minor() == OPTPLUG_HOST_MINOR) }

  @Test func sizesAreThoseOfOneZero() {
    #expect(size(optplug_host_parameter.self) == 48 && size(optplug_host_setting.self) == 24)
    #expect(size(optplug_host_options.self) == 80 && size(optplug_host_node.self) == 48)
    #expect(size(optplug_host_hyperparameter.self) == 32 && size(optplug_host_array.self) == 56)
    #expect(size(optplug_host_view.self) == 72 && size(optplug_host_step_arguments.self) == 72)
  }
}
