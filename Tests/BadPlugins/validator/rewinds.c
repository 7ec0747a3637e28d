/* An instance remembers the highest step, and earlier ones are shorter. */
#define INSTANCE uint64_t last;
#define STEP \
  optplug_instance *mine = (optplug_instance *)instance; \
  if (frame->step < mine->last) factor = 0.5; \
  if (frame->step > mine->last) mine->last = frame->step;
#include "valid.h"
