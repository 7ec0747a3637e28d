/* create fails, and leaves behind what looks like an instance. */
#define CREATE                                    \
  *instance = (optplug_instance *)(void *)&state; \
  return fail(error, OPTPLUG_UNIMPLEMENTED, "no such GPU");
#include "bad.h"
