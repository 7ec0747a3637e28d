/* A parameter without elements is refused. */
#define PLAN if (parameter->count == 0) return fail(error, OPTPLUG_INVALID_ARGUMENT, "a parameter has no elements");
#include "valid.h"
