/* A default lies outside its own range. */
#define HYPERPARAMETER .default_value = 2
#include "bad.h"
