/* A value that the range allows, and check too, is refused when the instance is planned. */
#define PLAN if (plan->hyperparameters[0][0] > 5) return fail(error, OPTPLUG_INVALID_ARGUMENT, "lr must not be above 5");
#include "valid.h"
