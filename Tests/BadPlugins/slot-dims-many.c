/* A slot of nine dimensions. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_TENSOR
#define PLAN slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT, slot.dims = dims, slot.ndim = 9;
#include "bad.h"
