/* The library announces more optimizers than memory could hold. */
#define LIBRARY .optimizer_count = 0xFFFFFFFF
#include "bad.h"
