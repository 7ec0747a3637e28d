/* Two hyperparameters have one name. */
#define HYPERPARAMETER .name = "decay"
#include "bad.h"
