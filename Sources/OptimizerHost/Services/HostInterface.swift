// This host, as plugins see it, and the services that they may ask it for.

import COptPlug
import BasicFoundation
import Synchronization

/// Lives as long as the process.
nonisolated(unsafe) let hostInterface: UnsafePointer<optplug_host> = permanent(
  optplug_host(
    struct_size: UInt32(MemoryLayout<optplug_host>.size), abi_minor: OPTPLUG_ABI_MINOR,
    name: permanentText("OptPlug"), version: permanentText(hostVersion),
    get_extension: { _, id in id.flatMap { services[String(cString: $0)]?() } }))

package let hostVersion = "0.1.0"

/// The services by the ids of their extensions.
private let services: [String: @Sendable () -> UnsafeRawPointer?] = [
  OPTPLUG_EXTENSION_LOG: { UnsafeRawPointer(log) },
  OPTPLUG_EXTENSION_PARALLEL_FOR: {
    SharedLoops.areUsed.store(true, ordering: .relaxed)
    return UnsafeRawPointer(parallelFor)
  },
  OPTPLUG_EXTENSION_MATRIX_PRODUCT: {
    guard BLAS.shared != nil else { return nil }
    SharedLoops.areUsed.store(true, ordering: .relaxed)
    return UnsafeRawPointer(matrixProduct)
  },
  OPTPLUG_EXTENSION_RANDOM: { UnsafeRawPointer(random) },
]

nonisolated(unsafe) private let log: UnsafePointer<optplug_log> = permanent(
  optplug_log(
    struct_size: size(of: optplug_log.self), reserved0: 0,
    write: { _, level, message in
      guard let message else { return }
      PluginMessages.deliver(level, String(cString: message))
    }))

nonisolated(unsafe) private let parallelFor: UnsafePointer<optplug_parallel_for> = permanent(
  optplug_parallel_for(
    struct_size: size(of: optplug_parallel_for.self), reserved0: 0,
    run: { _, count, body, context in
      if let body { SharedLoops.run(Int(count), body, context) }
    }))

nonisolated(unsafe) private let matrixProduct: UnsafePointer<optplug_matrix_product> = permanent(
  optplug_matrix_product(
    struct_size: size(of: optplug_matrix_product.self), reserved0: 0,
    multiply: { _, dtype, alpha, a, b, beta, c in
      guard let a, let b, let c, let blas = BLAS.shared else { return OPTPLUG_INVALID_ARGUMENT }
      return blas.multiply(dtype, alpha, a.pointee, b.pointee, beta, c.pointee)
    }))

nonisolated(unsafe) private let random: UnsafePointer<optplug_random> = permanent(
  optplug_random(
    struct_size: size(of: optplug_random.self), reserved0: 0,
    words: { _, key, stream, first, count, words in
      if let words { Philox(key: key, stream: stream).fill(words, first: first, count: Int(count)) }
    }))

private func size<T>(of _: T.Type) -> UInt32 { UInt32(MemoryLayout<T>.size) }

private func permanent<T>(_ value: T) -> UnsafePointer<T> {
  let memory = UnsafeMutablePointer<T>.allocate(capacity: 1)
  memory.initialize(to: value)
  return UnsafePointer(memory)
}

private func permanentText(_ text: String) -> UnsafePointer<CChar>? { strdup(text).map { UnsafePointer($0) } }
