/* Instances are made and never ended. */
#define OPTIMIZER .destroy = NULL
#include "bad.h"
