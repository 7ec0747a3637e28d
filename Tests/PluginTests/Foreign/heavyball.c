/* Momentum as a stranger would write it: no gradient scale, 32-bit floats, a slot with a name of its own. */
#include <math.h>

#include "optplug.h"

static const optplug_hyperparameter settings[] = {
    {.name = "lr", .doc = "Step size.", .default_value = 0.1, .max_value = HUGE_VAL},
    {.name = "mu", .doc = "Share of the velocity that stays.", .default_value = 0.9, .max_value = 1},
};

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const optplug_slot velocity = {.struct_size = sizeof velocity,
                                 .role = OPTPLUG_ROLE_FIRST_MOMENT,
                                 .name = "velocity",
                                 .shape_rule = OPTPLUG_SHAPE_AS_PARAMETER,
                                 .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}};
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    uint32_t index;
    optplug_status status = plan->add_slot(plan, i, &velocity, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *values = frame->hyperparameters[piece->group_index];
    const float lr = (float)values[0], mu = (float)values[1];
    float *p = piece->parameter, *v = piece->slots[0];
    const float *g = piece->gradient;
    for (int64_t i = 0; i < piece->count; i++) {
      v[i] = mu * v[i] + g[i];
      p[i] -= lr * v[i];
    }
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer heavyball = {
    .struct_size = sizeof heavyball,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32,
    .name = "heavyball",
    .version = "0.1",
    .summary = "Polyak's momentum.",
    .hyperparameters = {settings, 2, sizeof settings[0]},
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const optimizers[] = {&heavyball};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
