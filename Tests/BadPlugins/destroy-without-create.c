/* Instances are ended but never made. */
#define OPTIMIZER .create = NULL
#include "bad.h"
