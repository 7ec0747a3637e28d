/* The optimizer's struct is from before 1.0. */
#define OPTIMIZER .struct_size = 136
#include "bad.h"
