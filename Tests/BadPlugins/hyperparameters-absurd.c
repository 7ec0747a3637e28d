/* The optimizer announces more hyperparameters than memory could hold. */
#define OPTIMIZER .hyperparameters = {hyperparameters, 0xFFFFFFFF, sizeof hyperparameters[0]}
#include "bad.h"
