/* Short segments take shorter steps. */
#define SEGMENT(T) if (count < 50) factor = 0.5;
#define OPTIMIZER .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE
#include "valid.h"
