/* A step marks its elements in a slot, and one more. */
#define INSTANCE uint32_t mark;
#define PLAN \
  optplug_slot mark = slot; \
  mark.name = "mark"; \
  mark.role = OPTPLUG_ROLE_OTHER; \
  if (plan->add_slot(plan, i, &mark, &instance->mark) != OPTPLUG_OK) return OPTPLUG_INVALID_ARGUMENT;
#define SEGMENT(T) \
  const optplug_parameter *parameter = OPTPLUG_AT(frame->parameters, optplug_parameter, segment->parameter_index); \
  int64_t marked = segment->offset + count < parameter->count ? count + 1 : count; \
  for (int64_t i = 0; i < marked; i++) ((T *)segment->slots[instance->mark])[i] = 1;
#define OPTIMIZER .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE
#include "valid.h"
