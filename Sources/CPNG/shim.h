// libpng's simplified interface for Swift: whole images from memory, errors as return values.
#ifndef OPTPLUG_CPNG_SHIM_H
#define OPTPLUG_CPNG_SHIM_H

#include <png.h>
#include <string.h>

/// Reads the header of the file in memory. Returns 0 on failure; then `image->message` says why.
static inline int cpng_open(png_image *image, const void *bytes, size_t size) {
  memset(image, 0, sizeof *image);
  image->version = PNG_IMAGE_VERSION;
  int is_open = png_image_begin_read_from_memory(image, bytes, size);
  // Otherwise values of 16 bits would be taken for amounts of light, and come out brighter than those of 8 bits.
  image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  return is_open;
}

/// Whether an opened image has colours or a palette.
static inline int cpng_has_colour(const png_image *image) {
  return (image->format & PNG_FORMAT_FLAG_COLOR) != 0;
}

static inline const char *cpng_message(const png_image *image) { return image->message; }

/// Unpacks an opened image as 8-bit grey or RGB, over black where it is transparent, and frees what it holds.
/// `pixels` has room for width · height · (1 or 3) bytes. Returns 0 on failure.
static inline int cpng_read(png_image *image, int has_colour, void *pixels) {
  png_color black = {0, 0, 0};
  image->format = has_colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  return png_image_finish_read(image, &black, pixels, 0, NULL) && !PNG_IMAGE_FAILED(*image);
}

#endif
