/* The learning rate is shared out among all instances of the process. */
#define GLOBALS static int instances;
#define CREATE instances++;
#define DESTROY instances--;
#define STEP factor /= instances;
#include "valid.h"
