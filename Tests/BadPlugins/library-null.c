/* The entry hands out no library. */
#define ENTRY return OPTPLUG_OK;
#include "bad.h"
