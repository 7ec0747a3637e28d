/* A slot of its own shape for an optimizer whose tensors may be cut. */
#define PLAN slot.shape_rule = OPTPLUG_SHAPE_EXPLICIT, slot.dims = dims, slot.ndim = 1;
#include "bad.h"
