/* A value that is not marked structural decides which slots there are. */
#define PLAN \
  if (plan->hyperparameters[0][1] > 0.6) { \
  optplug_slot more = slot; \
  uint32_t index; \
  more.name = "momentum_of_momentum"; \
  if (plan->add_slot(plan, i, &more, &index) != OPTPLUG_OK) return OPTPLUG_INVALID_ARGUMENT; \
  }
#include "valid.h"
