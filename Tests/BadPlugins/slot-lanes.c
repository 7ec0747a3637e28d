/* A slot of vectors. */
#define PLAN slot.dtype = (optplug_dtype){OPTPLUG_DTYPE_FLOAT, 32, 4};
#include "bad.h"
