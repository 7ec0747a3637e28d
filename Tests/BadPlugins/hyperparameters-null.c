/* The optimizer announces hyperparameters and gives none. */
#define OPTIMIZER .hyperparameters = {NULL, 2, sizeof hyperparameters[0]}
#include "bad.h"
