/* Steps along each tensor's gradient, less its mean and by its standard deviation: three phases, of which the second
   needs the results of the first. Slot "phases" notes in which phases an element was seen. */
#include <math.h>

#include "optplug.h"

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const optplug_slot slots[] = {
      {.struct_size = sizeof slots[0], .name = "mean", .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}},
      {.struct_size = sizeof slots[0], .name = "phases", .dtype = {OPTPLUG_DTYPE_UINT, 32, 1}}};
  for (uint32_t i = 0; i < plan->parameters.count; i++)
    for (int slot = 0; slot < 2; slot++) {
      uint32_t index;
      optplug_status status = plan->add_slot(plan, i, &slots[slot], &index);
      if (status != OPTPLUG_OK) return status;
    }
  return plan->set_phases(plan, 3, 1, NULL);
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *g = piece->gradient;
    double *p = piece->parameter, *mean = piece->slots[0];
    uint32_t *phases = piece->slots[1];
    const double count = (double)OPTPLUG_AT(frame->parameters, optplug_parameter, piece->parameter_index)->count;
    const double result = frame->phase > 0 ? frame->tensor_reductions[piece->parameter_index] : 0;
    for (int64_t i = 0; i < piece->count; i++) {
      phases[i] = phases[i] * 10 + frame->phase + 1;
      switch (frame->phase) {
      case 0: frame->partials[s] += g[i]; break;
      case 1:
        mean[i] = result / count;
        frame->partials[s] += (g[i] - mean[i]) * (g[i] - mean[i]);
        break;
      default: p[i] -= (g[i] - mean[i]) / sqrt(result / count);
      }
    }
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer standardized = {
    .struct_size = sizeof standardized, .capabilities = OPTPLUG_CAPABILITY_FLOAT64, .name = "standardized",
    .version = "0.1", .summary = "Steps along standardized gradients.", .plan = plan, .step = step};
static const optplug_optimizer *const optimizers[] = {&standardized};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
