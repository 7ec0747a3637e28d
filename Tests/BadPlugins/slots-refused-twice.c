/* Two slots that break a rule; the first is what went wrong. */
#define PLAN                              \
  slot.name = "step";                     \
  plan->add_slot(plan, 0, &slot, &index); \
  slot.name = "Mean";
#include "bad.h"
