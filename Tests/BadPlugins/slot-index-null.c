/* There is nowhere to put the slot's index. */
#define PLAN return plan->add_slot(plan, 0, &slot, NULL);
#include "bad.h"
