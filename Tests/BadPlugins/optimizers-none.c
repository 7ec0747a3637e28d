/* The library holds no optimizer. */
#define LIBRARY .optimizer_count = 0
#include "bad.h"
