/* A segment with a gradient that is not a number is left out. */
#define SEGMENT(T) \
  for (int64_t i = 0; i < count; i++) { \
  if (isnan(g[i])) return; \
  }
#include "valid.h"
