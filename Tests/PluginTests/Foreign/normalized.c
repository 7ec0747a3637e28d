/* Steps of length lr along each tensor's gradient: needs whole tensors, and counts its steps in a slot of its own
   shape and type. Compiled with -DGRANULARITY to test other granularities: then the norm is over the whole call. */
#include <math.h>

#include "optplug.h"

#ifndef GRANULARITY
#define GRANULARITY OPTPLUG_GRANULARITY_TENSOR
#endif

static const optplug_hyperparameter settings[] = {
    {.name = "lr", .doc = "Length of a step.", .default_value = 1, .max_value = HUGE_VAL}};

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const int64_t dims[] = {2};
  const optplug_slot calls = {.struct_size = sizeof calls,
                              .name = "calls",
                              .dims = dims,
                              .ndim = 1,
                              .shape_rule = OPTPLUG_SHAPE_EXPLICIT,
                              .dtype = {OPTPLUG_DTYPE_INT, 32, 1},
                              .initial = OPTPLUG_INITIAL_CONSTANT,
                              .initial_value = 7};
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    uint32_t index;
    optplug_status status = plan->add_slot(plan, i, &calls, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  double sum = 0;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *whole = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *g = whole->gradient;
    if (GRANULARITY == OPTPLUG_GRANULARITY_TENSOR) sum = 0;
    for (int64_t i = 0; i < whole->count; i++) sum += g[i] * g[i];
    if (GRANULARITY == OPTPLUG_GRANULARITY_TENSOR) {
      double *p = whole->parameter;
      for (int64_t i = 0; i < whole->count; i++)
        p[i] -= frame->hyperparameters[whole->group_index][0] / sqrt(sum) * g[i];
    }
    int32_t *calls = whole->slots[0];
    calls[0] += 1;
    calls[1] = (int32_t)frame->segments.count;
  }
  if (GRANULARITY == OPTPLUG_GRANULARITY_TENSOR) return OPTPLUG_OK;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    double *p = piece->parameter;
    const double *g = piece->gradient;
    for (int64_t i = 0; i < piece->count; i++)
      p[i] -= frame->hyperparameters[piece->group_index][0] / sqrt(sum) * g[i];
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer normalized = {
    .struct_size = sizeof normalized,
    .granularity = GRANULARITY,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT64,
    .name = "normalized",
    .version = "0.1",
    .summary = "Steps of a fixed length.",
    .hyperparameters = {settings, 1, sizeof settings[0]},
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const optimizers[] = {&normalized};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
