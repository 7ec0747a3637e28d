/* The stack is made executable. */
/* flags: -Wl,-z,execstack */
#include "valid.h"
