/* A wrapper that can only wrap optimizers with a running mean of gradients. */
#define PLAN                                                                                                        \
  for (uint32_t i = 0; i < plan->parameters.count; i++) {                                                           \
    uint32_t index;                                                                                                 \
    optplug_status status = plan->borrow_slot(plan, i, 0, OPTPLUG_ROLE_FIRST_MOMENT, 0, &index);                    \
    if (status != OPTPLUG_OK) return fail(error, OPTPLUG_FAILED_PRECONDITION, "the base has no running mean");      \
  }
#include "valid-wrapper.h"
