/* The optimizer's name could not be written in an expression. */
#define OPTIMIZER .name = "bad(name)"
#include "bad.h"
