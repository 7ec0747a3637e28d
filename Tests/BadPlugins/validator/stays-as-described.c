/* A step changes the summary. */
#define GLOBALS static char summary[] = "SGD with momentum, 0 steps";
#define OPTIMIZER .summary = summary
#define STEP summary[19] = '1';
#include "valid.h"
