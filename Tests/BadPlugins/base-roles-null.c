/* The wrapper takes a base and does not name it. */
#define OPTIMIZER .base_count = 1
#include "bad.h"
