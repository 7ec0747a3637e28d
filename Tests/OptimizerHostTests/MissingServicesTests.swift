// What the shipped plugins say to a host without the services that they need.

import COptPlug
import Foundation
import TestSupport
import Testing

@Suite struct MissingServicesTests {
  /// Makes an instance of a plugin's first optimizer in a host without any service.
  private func create(_ plugin: String, bases: Int) throws -> (status: optplug_status, message: String) {
    let handle = try #require(
      dlopen(BuildProducts.plugin(plugin).path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
    let entry = unsafeBitCast(
      try #require(dlsym(handle, "optplug_entry_v1")),
      to: (@convention(c) (
        UnsafePointer<optplug_host>?, UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
        UnsafeMutablePointer<optplug_error>?
      ) -> optplug_status).self)
    var host = optplug_host(
      struct_size: UInt32(MemoryLayout<optplug_host>.size), abi_minor: 0, name: nil, version: nil,
      get_extension: { _, _ in nil })
    var library: UnsafePointer<optplug_library>?
    #expect(entry(&host, &library, nil) == OPTPLUG_OK)
    let optimizer = try #require(library?.pointee.optimizers[0])
    var text = [CChar](repeating: 0, count: 256)
    let base = [optplug_base](repeating: optplug_base(), count: bases)
    let status = text.withUnsafeMutableBufferPointer { text in
      base.withUnsafeBufferPointer { base in
        var error = optplug_error(
          struct_size: UInt32(MemoryLayout<optplug_error>.size), message_capacity: 256,
          message: text.baseAddress)
        var info = optplug_create_info(
          struct_size: UInt32(MemoryLayout<optplug_create_info>.size), reserved0: 0,
          bases: optplug_span(
            data: base.baseAddress, count: UInt32(bases), stride: UInt32(MemoryLayout<optplug_base>.stride)))
        var instance: OpaquePointer?
        let status = optimizer.pointee.create(optimizer, &host, &info, &instance, &error)
        #expect((instance != nil) == (status == OPTPLUG_OK))
        if status == OPTPLUG_OK { optimizer.pointee.destroy(instance) }
        return status
      }
    }
    return (status, String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// The message says what is missing and what to install.
  @Test func muonNeedsAMatrixProduct() throws {
    let (status, message) = try create("Muon", bases: 1)
    #expect(status == OPTPLUG_FAILED_PRECONDITION)
    #expect(message.contains("matrix product") && message.contains("libopenblas0-pthread"), "\(message)")
  }

  /// Loops run on the calling thread then.
  @Test func adafactorNeedsNone() throws {
    #expect(try create("Adafactor", bases: 0).status == OPTPLUG_OK)
  }
}
