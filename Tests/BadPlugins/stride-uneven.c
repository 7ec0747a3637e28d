/* The hyperparameters lie at addresses where a double cannot. */
#define OPTIMIZER .hyperparameters = {hyperparameters, 2, 60}
#include "bad.h"
