/* plan fails and says why. */
#define PLAN return fail(error, OPTPLUG_UNIMPLEMENTED, "only matrices can be trained");
#include "bad.h"
