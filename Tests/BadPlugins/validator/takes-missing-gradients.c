/* It wants parameters without gradients too, and then reads gradients that are not there. */
#define OPTIMIZER .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE | OPTPLUG_CAPABILITY_NULL_GRADIENT
#define SEGMENT(T) if (g == NULL && segment->parameter_index == 0) return;
#include "valid.h"
