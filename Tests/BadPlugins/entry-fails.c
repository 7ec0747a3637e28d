/* The entry fails and says why. */
#define ENTRY return fail(error, OPTPLUG_FAILED_PRECONDITION, "the licence has run out");
#include "bad.h"
