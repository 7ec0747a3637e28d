/* The optimizer's name is empty. */
#define OPTIMIZER .name = ""
#include "bad.h"
