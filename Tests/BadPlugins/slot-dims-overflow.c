/* An empty slot whose other sizes overflow before the 0 comes. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_TENSOR
#define PLAN slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT, slot.dims = (int64_t[]){1ll << 39, 1ll << 39, 0}, slot.ndim = 3;
#include "bad.h"
