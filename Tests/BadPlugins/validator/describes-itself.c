/* A default lies outside its own range. */
#define LR .max_value = 1e-4
#include "valid.h"
