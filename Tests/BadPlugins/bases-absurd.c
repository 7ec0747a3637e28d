/* The wrapper takes more bases than memory could hold. */
#define OPTIMIZER .base_count = 0xFFFFFFFF
#include "bad.h"
