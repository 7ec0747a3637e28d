/* A slot of its own shape without the shape. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_TENSOR
#define PLAN slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT, slot.ndim = 1;
#include "bad.h"
