// Fetches the files of a known data set, goes on where an earlier attempt ended, and checks what came.

import FileLocking
import Foundation

/// Brings data sets into a ``DatasetHome``.
///
/// A file is fetched to `NAME.part`, goes on from there after an interruption (HTTP Range, valid only for the file that
/// was begun: If-Range with its ETag), and gets its name when its checksum is right. The transfer itself is the system's
/// `curl`: it brings TLS, proxies and certificates as the system has them set up. Of several processes that would fetch
/// the same data set to the same home one does, and the others fail at once.
public struct DatasetFetcher: Sendable {
  public let home: DatasetHome
  /// In place of the published addresses.
  public let mirror: String?
  /// The program.
  public let curl: String
  /// Seconds to connect in.
  public let connectLimit: Int
  /// Seconds after which a connection that brings nothing is given up.
  public let stallLimit: Int

  public init(
    home: DatasetHome, mirror: String? = nil, curl: String = "curl", connectLimit: Int = 20,
    stallLimit: Int = 60
  ) {
    self.home = home
    self.mirror = mirror.map { $0.hasSuffix("/") ? $0 : $0 + "/" }
    self.curl = curl
    self.connectLimit = connectLimit
    self.stallLimit = stallLimit
  }

  /// What is known of one file.
  public enum FileState: String, Sendable {
    case good, missing
    case partial = "partly fetched"
    case wrongSize = "wrong size"
    case wrongChecksum = "wrong checksum"
    case unpacked = "good, unpacked"
    case incomplete = "not all unpacked"
  }

  /// Looks at each file of `dataset`: there, whole, and as published.
  public func states(of dataset: KnownDataset) throws(DatasetError) -> [(
    file: KnownDataset.File, state: FileState
  )] {
    var result: [(file: KnownDataset.File, state: FileState)] = []
    for file in dataset.files { result.append((file, try state(of: file, in: dataset))) }
    return result
  }

  private func state(
    of file: KnownDataset.File, in dataset: KnownDataset
  ) throws(DatasetError) -> FileState {
    let folder = home.directory(of: dataset.name)
    let path = folder + "/" + file.name
    let manager = FileManager.default
    guard manager.fileExists(atPath: path) else {
      return manager.fileExists(atPath: path + ".part") ? .partial : .missing
    }
    if let size = file.size, try ByteFile(path: path).length != size { return .wrongSize }
    guard try MD5.file(path) == file.md5 else { return .wrongChecksum }
    guard !file.members.isEmpty else { return .good }
    return file.members.allSatisfy { manager.fileExists(atPath: folder + "/" + $0) } ? .unpacked : .incomplete
  }

  private func needs(_ dataset: KnownDataset) throws(DatasetError) -> [(
    file: KnownDataset.File, state: FileState
  )] {
    try states(of: dataset).filter { $0.state != .good && $0.state != .unpacked }
  }

  /// Fetches what is missing or damaged, and unpacks archives. Good files stay.
  /// - Parameter progress: hears the file, the bytes that are here, and of how many if that is known.
  public func fetch(
    _ dataset: KnownDataset, progress: (String, Int, Int?) -> Void = { _, _, _ in }
  ) throws(DatasetError) {
    if try needs(dataset).isEmpty { return }
    let folder = home.directory(of: dataset.name)
    try make(home.path)
    let lock = try lock(dataset)
    defer { lock.removeFile() }
    try make(folder)
    // Of an attempt that brought nothing nothing is left; a folder that is not empty stays.
    defer { rmdir(folder) }
    // Another process may have brought some of it in between.
    for (file, state) in try needs(dataset) {
      let path = folder + "/" + file.name
      if state != .incomplete { try fetch(file, dataset, to: path, progress) }
      if !file.members.isEmpty { try TarArchive(path: path).extract(file.members, to: folder) }
    }
  }

  private func make(_ folder: String) throws(DatasetError) {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(path: folder, reason: "the folder cannot be made")
    }
  }

  /// Beside the data set's folder, which is to hold the data set alone.
  private func lock(_ dataset: KnownDataset) throws(DatasetError) -> FileLock {
    let path = "\(home.path)/.\(dataset.name).lock"
    do throws(FileLock.Failure) {
      return try FileLock(path)
    } catch {
      switch error {
      case .held(let owner):
        throw .fetching(name: dataset.name, path: home.directory(of: dataset.name), owner: owner)
      case .unwritable(let reason): throw .unwritable(path: path, reason: reason)
      }
    }
  }

  /// Tries one mirror after the other; the last one's error is the one to tell.
  private func fetch(
    _ file: KnownDataset.File, _ dataset: KnownDataset, to path: String,
    _ progress: (String, Int, Int?) -> Void
  ) throws(DatasetError) {
    let addresses = (mirror.map { [$0] } ?? dataset.mirrors).map { $0 + file.name }
    for (number, address) in addresses.enumerated() {
      do throws(DatasetError) {
        let transfer = Transfer(
          curl: curl, address: address, target: path, size: file.size, connectLimit: connectLimit,
          stallLimit: stallLimit)
        try transfer.run { progress(file.name, $0, file.size) }
        let sum = try MD5.file(path + ".part")
        guard sum == file.md5 else {
          // What is wrong must not be the start of the next attempt.
          transfer.discard()
          throw .wrongChecksum(address: address, found: sum, expected: file.md5)
        }
        guard rename(path + ".part", path) == 0 else {
          throw .unwritable(path: path, reason: String(cString: strerror(errno)))
        }
        unlink(path + ".etag")
        return
      } catch {
        if case .unwritable = error { throw error }
        if number == addresses.count - 1 { throw error }
      }
    }
  }
}

extension DatasetFetcher {
  /// How much of a data set is here, by the names of files alone.
  public enum Presence: String, Sendable {
    case whole = "yes"
    case part = "partly"
    case none = "no"
  }

  public func presence(of dataset: KnownDataset) -> Presence {
    let folder = home.directory(of: dataset.name)
    guard let names = try? ByteFile.names(in: folder), !names.isEmpty else { return .none }
    let needed = dataset.files.flatMap { [$0.name] + $0.members }
    return needed.allSatisfy(names.contains) ? .whole : .part
  }
}
