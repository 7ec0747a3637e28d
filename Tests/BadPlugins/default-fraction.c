/* The default of a whole number is none. */
#define HYPERPARAMETER .kind = OPTPLUG_HYPERPARAMETER_INTEGER
#include "bad.h"
