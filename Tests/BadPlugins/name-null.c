/* The optimizer has no name. */
#define OPTIMIZER .name = NULL
#include "bad.h"
