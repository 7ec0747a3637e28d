/* More than eight dimensions are refused. */
#define PLAN if (parameter->ndim > 8) return fail(error, OPTPLUG_INVALID_ARGUMENT, "a parameter has more than 8 dimensions");
#include "valid.h"
