/* Making an instance changes the working directory. */
#include <unistd.h>
#define CREATE if (chdir("/") != 0) return OPTPLUG_INTERNAL;
#include "valid.h"
