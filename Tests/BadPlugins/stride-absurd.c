/* The second hyperparameter lies outside of memory. */
#define OPTIMIZER .hyperparameters = {hyperparameters, 2, 0xFFFFFFF8}
#include "bad.h"
