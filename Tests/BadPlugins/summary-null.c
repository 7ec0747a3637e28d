/* The optimizer has no summary. */
#define OPTIMIZER .summary = NULL
#include "bad.h"
