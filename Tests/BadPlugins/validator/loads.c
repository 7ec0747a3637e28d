/* The entry gives up. */
#define ENTRY return fail(error, OPTPLUG_RESOURCE_EXHAUSTED, "the licence has run out");
#include "valid.h"
