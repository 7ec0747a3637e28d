/* A choice has no list of choices. */
#define HYPERPARAMETER .kind = OPTPLUG_HYPERPARAMETER_CHOICE, .default_value = 0
#include "bad.h"
