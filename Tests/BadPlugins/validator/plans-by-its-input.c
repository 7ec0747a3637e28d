/* The largest model that was ever planned decides how slots are named. */
#define GLOBALS static uint32_t most;
#define PLAN \
  if (plan->parameters.count > most) most = plan->parameters.count; \
  if (most > 8) slot.name = "momentum_of_many";
#include "valid.h"
