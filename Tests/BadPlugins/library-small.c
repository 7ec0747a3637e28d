/* The library's struct ends before the optimizers. */
#define LIBRARY .struct_size = 16
#include "bad.h"
