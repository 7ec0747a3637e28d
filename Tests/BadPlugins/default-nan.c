/* A default is not a number. */
#define HYPERPARAMETER .default_value = NAN
#include "bad.h"
