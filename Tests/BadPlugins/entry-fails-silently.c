/* The entry fails and says nothing. */
#define ENTRY return OPTPLUG_RESOURCE_EXHAUSTED;
#include "bad.h"
