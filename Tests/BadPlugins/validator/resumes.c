/* The steps of a model are counted by the process, which knows it by an address. */
#define GLOBALS \
  static struct { const void *model; uint64_t first; } known[64]; \
  static int models; \
  static uint64_t first_step(const void *model, uint64_t step) { \
  int i = 0; \
  while (i < models && known[i].model != model) i++; \
  if (i == 64) i = 63; \
  if (i == models) models++; \
  if (known[i].model != model || step == 1) known[i].first = step; \
  known[i].model = model; \
  return known[i].first; \
  }
#define STEP if (first_step(frame->parameters.data, frame->step) != 1 && frame->segments.count > 0) factor = 0.5;
#include "valid.h"
