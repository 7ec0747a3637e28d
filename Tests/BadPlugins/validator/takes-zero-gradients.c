/* A gradient is divided by its magnitude and multiplied again. */
#define GRADIENT(T) x = x / (T)fabs(x) * (T)fabs(x);
#include "valid.h"
