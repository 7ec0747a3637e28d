/* Slots that are each possible and together larger than the address space. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_TENSOR
#define PLAN                                                          \
  int64_t size = 1ll << 39;                                           \
  slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT;                           \
  slot.dtype = (optplug_dtype){OPTPLUG_DTYPE_FLOAT, 64, 1};           \
  slot.dims = &size;                                                  \
  slot.ndim = 1;                                                      \
  for (int i = 0; i < 63; i++) {                                      \
    char name[] = {'s', (char)('a' + i / 8), (char)('a' + i % 8), 0}; \
    slot.name = name;                                                 \
    plan->add_slot(plan, 0, &slot, &index);                           \
  }                                                                   \
  slot.name = "last";
#include "bad.h"
