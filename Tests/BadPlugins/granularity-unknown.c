/* The granularity is none of those defined. */
#define OPTIMIZER .granularity = 7
#include "bad.h"
