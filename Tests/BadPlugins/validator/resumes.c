/* The steps of a model are counted by the process, which knows it by an address. */
#define GLOBALS \
  static int instances; \
  static struct { const void *model; uint64_t first, last; int instance; } known[64]; \
  static int models; \
  static uint64_t first_step(const void *model, uint64_t step, int instance) { \
  int i = 0; \
  while (i < models && known[i].model != model) i++; \
  if (i == 64) i = 63; \
  if (i == models) models++; \
  int is_known = known[i].model == model && step != 1 && \
  (known[i].instance == instance || step == known[i].last + 1 || step == known[i].last); \
  if (!is_known) known[i].first = step; \
  known[i].model = model; \
  known[i].last = step; \
  known[i].instance = instance; \
  return known[i].first; \
  }
#define INSTANCE int number;
#define CREATE instance->number = ++instances;
#define STEP if (first_step(frame->parameters.data, frame->step, instance->number) != 1) factor = 0.5;
#include "valid.h"
