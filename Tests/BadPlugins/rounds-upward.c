/* Every function leaves the thread rounding upward; step first adds 2^-30 to 1 in the mode that it found. */
#include <fenv.h>

#define ENTRY fesetround(FE_UPWARD);
#define CREATE fesetround(FE_UPWARD);
#define PLAN fesetround(FE_UPWARD);
#define STEP                                                                          \
  volatile float one = 1, small = 0x1p-30f;                                           \
  for (uint32_t i = 0; i < frame->segments.count; i++) {                              \
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i); \
    ((float *)segment->parameter)[0] = one + small;                                   \
  }                                                                                   \
  fesetround(FE_UPWARD);                                                              \
  for (uint32_t i = 0; i < frame->segments.count; i++) {                              \
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i); \
    ((float *)segment->parameter)[1] = one + small;                                   \
  }
#include "bad.h"
