// zlib's inflate for Swift: the calls that zlib offers only as macros, as functions.
#ifndef OPTPLUG_CZLIB_SHIM_H
#define OPTPLUG_CZLIB_SHIM_H

#include <zlib.h>

/// Prepares `stream` for a gzip file (not raw deflate, not a zlib wrapper): 15 bits of window, +16 for
/// gzip's header and trailer, whose CRC-32 and length zlib then checks. Returns Z_OK or zlib's error.
static inline int czlib_inflate_gzip_init(z_stream *stream) {
  return inflateInit2(stream, 15 + 16);
}

#endif
