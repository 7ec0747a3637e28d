/* A step writes the gradient, though not another one. */
#define SEGMENT(T) ((volatile T *)g)[0] = g[0];
#include "valid.h"
