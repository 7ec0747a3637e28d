/* A segment with an infinite gradient is left out. */
#define SEGMENT(T) \
  for (int64_t i = 0; i < count; i++) { \
  if (isinf(g[i])) return; \
  }
#include "valid.h"
