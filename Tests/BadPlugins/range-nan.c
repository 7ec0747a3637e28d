/* The greatest value is not a number. */
#define HYPERPARAMETER .max_value = NAN
#include "bad.h"
