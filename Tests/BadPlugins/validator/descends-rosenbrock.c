/* Large gradients change their sign. */
#define GRADIENT(T) if (fabs(x) > 1.5) x = -x;
#include "valid.h"
