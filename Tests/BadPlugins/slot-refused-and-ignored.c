/* Goes on after the host refused a slot. */
#define PLAN                              \
  slot.name = "step";                     \
  plan->add_slot(plan, 0, &slot, &index); \
  slot.name = "mean";
#include "bad.h"
