/* No step succeeds. */
#define STEP return fail(error, OPTPLUG_INTERNAL, "the kernel was not found");
#include "valid.h"
