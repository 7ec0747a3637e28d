// libjpeg for Swift: whole images from memory, errors as return values, no jump across the caller's frames.
#ifndef OPTPLUG_CJPEG_H
#define OPTPLUG_CJPEG_H

#include <stddef.h>

/// Room for a message of libjpeg's.
#define CJPEG_MESSAGE_SIZE 256

typedef struct cjpeg_info {
  int width, height;
  /// 1 for grey, 3 for RGB, 4 for CMYK, which cannot be read here.
  int channels;
} cjpeg_info;

/// Reads the header of the file in memory. Returns 0 on failure, with the reason in `message`.
int cjpeg_open(const void *bytes, size_t size, cjpeg_info *info, char message[CJPEG_MESSAGE_SIZE]);

/// Unpacks the file as 8-bit values, row by row, the channels of a pixel side by side. `pixels` has room for
/// `capacity` bytes. Damaged data are a failure: returns 0, with the reason in `message`.
int cjpeg_read(
    const void *bytes, size_t size, void *pixels, size_t capacity, char message[CJPEG_MESSAGE_SIZE]);

#endif
