/* The least value is above the greatest. */
#define HYPERPARAMETER .min_value = 1, .max_value = 0
#include "bad.h"
