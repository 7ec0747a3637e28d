/* A step looks at the first segment before it asks whether there is one. */
#define STEP \
  volatile int64_t first = OPTPLUG_AT(frame->segments, optplug_segment, 0)->count; \
  (void)first;
#include "valid.h"
