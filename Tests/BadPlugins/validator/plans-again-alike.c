/* The second plan of an instance asks for another slot. */
#define INSTANCE int planned;
#define PLAN if (i == 0 && instance->planned++ > 0) slot.name = "momentum_again";
#include "valid.h"
