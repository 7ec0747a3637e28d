/* Steps by the greatest gradient of the whole model so far, kept in a slot of the model that `decide` writes: the state of
   distance-adapted methods, in small. Compiled with -DPHASES=1, `decide` counts without results. */
#include <math.h>
#include <stdio.h>

#include "optplug.h"

#ifndef PHASES
#define PHASES 2
#endif

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const int64_t dims[] = {2};
  const optplug_slot known = {.struct_size = sizeof known, .name = "known", .dims = dims, .ndim = 1,
                              .shape_rule = OPTPLUG_SHAPE_EXPLICIT, .dtype = {OPTPLUG_DTYPE_FLOAT, 64, 1},
                              .initial = OPTPLUG_INITIAL_CONSTANT, .initial_value = 0.5};
  uint32_t index;
  optplug_status status = plan->add_model_slot(plan, &known, &index);
  if (status != OPTPLUG_OK) return status;
  const uint32_t operation = OPTPLUG_REDUCE_MAX;
  return plan->set_phases(plan, PHASES, PHASES > 1, &operation);
}

/* known: the greatest so far, and how often `decide` was called. */
static optplug_status decide(const optplug_instance *self, const optplug_pass *pass, uint32_t *verdict,
                             optplug_error *error) {
  (void)self;
  double *known = pass->model_slots[0];
  if ((PHASES > 1) != (pass->model_reductions != NULL)) {
    if (error) snprintf(error->message, error->message_capacity, "results where there are none, or none");
    return OPTPLUG_INTERNAL;
  }
  if (PHASES > 1) known[0] = fmax(known[0], pass->model_reductions[0]);
  known[1] += 1;
  *verdict = OPTPLUG_VERDICT_DONE;
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  const double *known = frame->model_slots[0];
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const float *g = piece->gradient;
    float *p = piece->parameter;
    for (int64_t i = 0; i < piece->count; i++)
      if (frame->phase + 1 < PHASES)
        frame->partials[s] = fmax(frame->partials[s], fabs(g[i]));
      else
        p[i] -= g[i] / (float)known[0];
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer deciding = {
    .struct_size = sizeof deciding, .capabilities = OPTPLUG_CAPABILITY_FLOAT32, .name = "deciding", .version = "0.1",
    .summary = "Steps by the greatest gradient so far.", .plan = plan, .step = step, .decide = decide};
static const optplug_optimizer *const optimizers[] = {&deciding};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
