// libjpeg reports errors by a jump: all of it stays within these two functions.

#include "cjpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
// Behind stdio.h, which it needs.
#include <jpeglib.h>
#include <jerror.h>

struct failure {
  struct jpeg_error_mgr manager;
  jmp_buf target;
  char *message;
};

static void fail(j_common_ptr state) {
  struct failure *failure = (struct failure *)state->err;
  char text[JMSG_LENGTH_MAX];
  failure->manager.format_message(state, text);
  snprintf(failure->message, CJPEG_MESSAGE_SIZE, "%s", text);
  longjmp(failure->target, 1);
}

// A warning of damaged data is as good as an error: the pixels would be made up.
static void hear(j_common_ptr state, int level) {
  if (level < 0 && state->err->msg_code != JWRN_EXTRANEOUS_DATA) fail(state);
}

static int run(
    const void *bytes, size_t size, cjpeg_info *info, void *pixels, size_t capacity, char *message) {
  struct jpeg_decompress_struct state;
  struct failure failure;
  memset(&state, 0, sizeof state);
  state.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = fail;
  failure.manager.emit_message = hear;
  failure.message = message;
  if (setjmp(failure.target)) {
    jpeg_destroy_decompress(&state);
    return 0;
  }
  jpeg_create_decompress(&state);
  jpeg_mem_src(&state, (const unsigned char *)bytes, (unsigned long)size);
  jpeg_read_header(&state, TRUE);
  int grey = state.jpeg_color_space == JCS_GRAYSCALE;
  if (info) {
    info->width = (int)state.image_width;
    info->height = (int)state.image_height;
    int print = state.jpeg_color_space == JCS_CMYK || state.jpeg_color_space == JCS_YCCK;
    info->channels = grey ? 1 : print ? 4 : 3;
  }
  if (pixels) {
    state.out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&state);
    size_t stride = (size_t)state.output_width * (size_t)state.output_components;
    if (stride * state.output_height > capacity) {
      snprintf(message, CJPEG_MESSAGE_SIZE, "its size changed while it was read");
      jpeg_destroy_decompress(&state);
      return 0;
    }
    while (state.output_scanline < state.output_height) {
      JSAMPROW row = (JSAMPROW)pixels + (size_t)state.output_scanline * stride;
      jpeg_read_scanlines(&state, &row, 1);
    }
    jpeg_finish_decompress(&state);
  }
  jpeg_destroy_decompress(&state);
  return 1;
}

int cjpeg_open(const void *bytes, size_t size, cjpeg_info *info, char message[CJPEG_MESSAGE_SIZE]) {
  return run(bytes, size, info, NULL, 0, message);
}

int cjpeg_read(
    const void *bytes, size_t size, void *pixels, size_t capacity, char message[CJPEG_MESSAGE_SIZE]) {
  return run(bytes, size, NULL, pixels, capacity, message);
}
