/* Steps in double precision are twice as long. */
#define SEGMENT(T) if (sizeof(T) == 8) factor = 2;
#include "valid.h"
