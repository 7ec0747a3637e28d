/* A value that the range allows makes steps fail. */
#define STEP if (frame->hyperparameters[0][1] == 0) return fail(error, OPTPLUG_INVALID_ARGUMENT, "momentum must be above 0");
#include "valid.h"
