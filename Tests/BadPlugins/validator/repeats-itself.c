/* The instances of a process are counted, and later ones take shorter steps. */
#define GLOBALS static int instances;
#define INSTANCE int number;
#define CREATE instance->number = ++instances;
#define STEP if (instance->number > 32) factor = 0.5;
#include "valid.h"
