/* A slot larger than any memory. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_TENSOR
#define PLAN slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT, slot.dims = (int64_t[]){1ll << 30, 1ll << 30}, slot.ndim = 2;
#include "bad.h"
