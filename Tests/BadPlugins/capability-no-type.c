/* No type of parameter that the optimizer takes. */
#define OPTIMIZER .capabilities = OPTPLUG_CAPABILITY_GRADIENT_SCALE
#include "bad.h"
