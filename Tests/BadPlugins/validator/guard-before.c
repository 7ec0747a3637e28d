/* A step reads the element in front of the first. */
#define SEGMENT(T) \
  volatile T previous = p[-1]; \
  (void)previous;
#define OPTIMIZER .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE
#include "valid.h"
