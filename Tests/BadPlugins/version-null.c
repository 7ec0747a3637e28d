/* The optimizer has no version. */
#define OPTIMIZER .version = NULL
#include "bad.h"
