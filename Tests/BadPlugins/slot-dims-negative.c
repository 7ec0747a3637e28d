/* A slot with a size below 0. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_TENSOR
#define PLAN slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT, slot.dims = (int64_t[]){4, -1}, slot.ndim = 2;
#include "bad.h"
