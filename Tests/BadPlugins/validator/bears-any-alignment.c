/* Gradients are taken to be aligned where parameters are, as by vector loads behind a loop that aligns those. */
#define SEGMENT(T) \
  for (int64_t i = 0; i < count; i++) { \
  if ((uintptr_t)(p + i) % 16 != 0) continue; \
  if ((uintptr_t)(g + i) % 16 != 0) __builtin_trap(); \
  break; \
  }
#include "valid.h"
