/* A hyperparameter is declared and never read. */
#define MORE_HYPERPARAMETERS {.name = "warmup", .doc = "Steps of warming up.", .max_value = 100},
#include "valid.h"
