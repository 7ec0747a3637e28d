/* Segments are walked by the size that they have today. */
#define STEP \
  optplug_frame today = *frame; \
  today.segments.stride = sizeof(optplug_segment); \
  frame = &today;
#include "valid.h"
