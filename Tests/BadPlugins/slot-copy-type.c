/* A copy of the parameter in another type. */
#define PLAN slot.initial = OPTPLUG_INITIAL_PARAMETER, slot.dtype = (optplug_dtype){OPTPLUG_DTYPE_FLOAT, 64, 1};
#include "bad.h"
