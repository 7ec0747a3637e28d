/* A frame without segments is taken for the end of training. */
#define INSTANCE int ended;
#define STEP \
  if (frame->segments.count == 0) ((optplug_instance *)instance)->ended = 1; \
  if (instance->ended) factor = 0.5;
#include "valid.h"
