// Which library computes.

import COneDNN

extension Network {
  /// oneDNN's version, such as `2.6.3`.
  public static var backendVersion: String {
    guard let version = dnnl_version()?.pointee else { return "unknown" }
    return "\(version.major).\(version.minor).\(version.patch)"
  }
}
