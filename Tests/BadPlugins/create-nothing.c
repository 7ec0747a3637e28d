/* create succeeds without an instance. */
#define CREATE return OPTPLUG_OK;
#include "bad.h"
