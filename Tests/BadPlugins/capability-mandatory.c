/* A capability that a host must know to load the optimizer. */
#define OPTIMIZER .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | 1ull << 57 | 1ull << 63
#include "bad.h"
