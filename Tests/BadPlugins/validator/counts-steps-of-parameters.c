/* The correction of the start goes by the step of the whole, not by that of the parameter. */
#define STEP factor = 1 / (1 - pow(0.5, (double)frame->step));
#include "valid.h"
