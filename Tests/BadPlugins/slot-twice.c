/* Two slots of a parameter have one name. */
#define PLAN plan->add_slot(plan, 0, &slot, &index);
#include "bad.h"
