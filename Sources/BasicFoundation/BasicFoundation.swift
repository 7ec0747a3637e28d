// The part of Foundation that the host needs, without what knows languages and time zones: that part is forty
// megabytes, and the host library carries what it needs with it.

#if canImport(FoundationEssentials)
  @_exported import FoundationEssentials
  @_exported import Glibc
#else
  @_exported import Foundation
#endif
