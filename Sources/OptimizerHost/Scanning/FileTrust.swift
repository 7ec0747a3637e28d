// Whether a file could have been put or changed by another user.

import BasicFoundation

/// Loading a plugin runs its code as the user, so nobody else may be able to choose that code.
enum FileTrust {
  /// Refuses a file that others own or may write to, or that lies below a folder of that kind. A sticky folder such as
  /// /tmp passes, since in it only a file's owner may replace the file.
  /// - Parameters:
  ///   - path: absolute, without links.
  ///   - isFolder: whether it is that of a link to the plugin.
  /// - Throws: `Refusal.insecure`.
  static func check(_ path: String, isFolder: Bool = false) throws {
    var place = path
    while true {
      try checkEntry(place, isPlugin: place == path && !isFolder)
      guard place != "/" else { return }
      let parent = URL(fileURLWithPath: place).deletingLastPathComponent().path
      guard parent.count < place.count else { return }
      place = parent
    }
  }

  private static func checkEntry(_ path: String, isPlugin: Bool) throws {
    var info = stat()
    guard stat(path, &info) == 0 else { throw Refusal.unreadable(String(cString: strerror(errno))) }
    let (mode, what) = (info.st_mode, isPlugin ? "it" : "its folder \(path)")
    guard [0, geteuid(), programOwner].contains(info.st_uid) else {
      throw Refusal.insecure(
        "\(what) belongs to \(userName(info.st_uid) ?? "user \(info.st_uid)"), who could change it; "
          + "copy it to a folder of your own")
    }
    if mode & S_IFMT == S_IFDIR, mode & S_ISVTX != 0 { return }
    guard mode & S_IWOTH == 0 else {
      throw Refusal.insecure("\(what) may be written by every user; run chmod o-w \(path)")
    }
    guard mode & S_IWGRP == 0 || isPrivate(group: info.st_gid, of: info.st_uid) else {
      throw Refusal.insecure("\(what) may be written by its group; run chmod g-w \(path)")
    }
  }

  /// Who owns the running program: that user could change what it does anyway. So a build in a folder of somebody
  /// else's, as in a container, finds its own plugins.
  private static let programOwner: uid_t = {
    var info = stat()
    guard let program = executablePath, stat(program, &info) == 0 else { return geteuid() }
    return info.st_uid
  }()

  /// Whether the group is the owner's own: by its name and with no other member. Systems that give every user such a
  /// group make files writable by it.
  private static func isPrivate(group: gid_t, of owner: uid_t) -> Bool {
    guard let name = userName(owner) else { return false }
    var entry = group_entry()
    var result: UnsafeMutablePointer<group_entry>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1 << 16) { buffer in
      guard let text = buffer.baseAddress, getgrgid_r(group, &entry, text, buffer.count, &result) == 0,
        result != nil,
        let groupName = entry.gr_name, String(cString: groupName) == name
      else { return false }
      guard var member = entry.gr_mem else { return true }
      while let other = member.pointee {
        guard String(cString: other) == name else { return false }
        member += 1
      }
      return true
    }
  }

  private static func userName(_ user: uid_t) -> String? {
    var entry = passwd()
    var result: UnsafeMutablePointer<passwd>?
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1 << 16) { buffer in
      guard let text = buffer.baseAddress, getpwuid_r(user, &entry, text, buffer.count, &result) == 0,
        result != nil
      else {
        return nil
      }
      guard let name = entry.pw_name else { return nil }
      return String(cString: name)
    }
  }
}

private typealias group_entry = group
