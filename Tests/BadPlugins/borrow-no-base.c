/* A leaf that borrows a slot from a base. */
#define PLAN plan->borrow_slot(plan, 0, 0, OPTPLUG_ROLE_FIRST_MOMENT, 0, &index);
#include "bad.h"
