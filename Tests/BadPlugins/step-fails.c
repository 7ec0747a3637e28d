/* step fails wherever a piece begins behind the first 100,000 elements, and says where. */
#define STEP                                                                                  \
  for (uint32_t i = 0; i < frame->segments.count; i++) {                                      \
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i);         \
    if (segment->offset < 100000) continue;                                                   \
    char message[64];                                                                         \
    snprintf(message, sizeof message, "gave up at element %lld", (long long)segment->offset); \
    return fail(error, OPTPLUG_INTERNAL, message);                                            \
  }
#include "bad.h"
