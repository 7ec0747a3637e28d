/* A function is called that no library defines, in a step that never comes. */
#define GLOBALS extern double undefined_decay(double);
#define STEP if (frame->step == UINT64_MAX) factor = undefined_decay(factor);
#include "valid.h"
