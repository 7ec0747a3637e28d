/* Making an instance sets a variable of the environment. */
#define CREATE setenv("VALID_THREADS", "1", 1);
#include "valid.h"
