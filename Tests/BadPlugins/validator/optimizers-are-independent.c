/* Which of two optimizers a step belongs to is remembered for the whole process. */
#define GLOBALS \
  static const optplug_optimizer *last; \
  static const optplug_optimizer second; \
  static const optplug_optimizer *const both[];
#define LIBRARY .optimizer_count = 2, .optimizers = both
#define CREATE last = self;
#define STEP if (last == &second) factor = 0.5;
#include "valid.h"

static const optplug_optimizer second = {
    .struct_size = sizeof second,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE |
                    OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
    .state_version = 1,
    .name = "half",
    .version = "1.0.0",
    .summary = "SGD with momentum at half the learning rate",
    .hyperparameters = {hyperparameters, 3, sizeof hyperparameters[0]},
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const both[] = {&optimizer, &second};
