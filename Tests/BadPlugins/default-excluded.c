/* A default is the end of its range that is excluded. */
#define HYPERPARAMETER .default_value = 1, .flags = OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE
#include "bad.h"
