/* A plan of another size is refused. */
#define PLAN if (plan->struct_size != sizeof *plan) return fail(error, OPTPLUG_INVALID_ARGUMENT, "the plan has another size");
#include "valid.h"
