/* The reciprocal of a gradient overflows. */
#define GRADIENT(T) if (x != 0 && isinf(1 / x)) x = 1 / x;
#include "valid.h"
