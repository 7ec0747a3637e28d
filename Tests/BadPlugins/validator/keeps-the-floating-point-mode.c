/* A step leaves the thread rounding upward. */
#include <fenv.h>
#define STEP_END fesetround(FE_UPWARD);
#include "valid.h"
