/* The optimizer has no step. */
#define OPTIMIZER .step = NULL
#include "bad.h"
