/* Blocks of no elements. */
#define OPTIMIZER .granularity = OPTPLUG_GRANULARITY_BLOCK
#include "bad.h"
