/* There is no note. */
#define NOTE OPTPLUG_ASSERT(note, 1)
#include "valid.h"
