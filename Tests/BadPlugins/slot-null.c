/* The request for a slot is NULL. */
#define PLAN return plan->add_slot(plan, 0, NULL, &index);
#include "bad.h"
