/* The range of a boolean leaves out true. */
#define HYPERPARAMETER .kind = OPTPLUG_HYPERPARAMETER_BOOLEAN, .default_value = 0, .max_value = 0
#include "bad.h"
