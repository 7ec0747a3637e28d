/* Making an instance says hello. */
#define CREATE puts("valid 1.0.0");
#include "valid.h"
