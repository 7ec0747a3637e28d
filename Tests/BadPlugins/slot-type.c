/* A slot of a type that does not exist. */
#define PLAN slot.dtype = (optplug_dtype){OPTPLUG_DTYPE_FLOAT, 24, 1};
#include "bad.h"
