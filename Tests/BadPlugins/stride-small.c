/* The hyperparameters lie closer together than they are long. */
#define OPTIMIZER .hyperparameters = {hyperparameters, 2, 48}
#include "bad.h"
