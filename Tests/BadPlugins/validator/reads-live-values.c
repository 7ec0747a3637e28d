/* The learning rate is read when the instance is planned. */
#define INSTANCE double lr[8];
#define PLAN for (uint32_t group = 0; group < plan->group_count && group < 8; group++) instance->lr[group] = plan->hyperparameters[group][0];
#define SEGMENT(T) lr = (T)instance->lr[segment->group_index % 8];
#include "valid.h"
