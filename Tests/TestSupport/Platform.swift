// What tests must know of the system they run on.

public enum Platform {
  /// Whether shared libraries are ELF files, which the host examines before it loads them.
  public static let usesELF: Bool = {
    #if os(Linux)
      true
    #else
      false
    #endif
  }()

  /// Whether plugins say which instructions of x86-64 they were compiled for.
  public static let isX86: Bool = {
    #if arch(x86_64)
      true
    #else
      false
    #endif
  }()
}
