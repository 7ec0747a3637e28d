/* More than a thousand tensors are refused. */
#define PLAN if (plan->parameters.count > 1000) return fail(error, OPTPLUG_INVALID_ARGUMENT, "there is a table for 1000 tensors");
#include "valid.h"
