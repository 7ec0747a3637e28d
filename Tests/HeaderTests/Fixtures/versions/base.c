/* A base for the matrix of versions: momentum with a slot, the gradient's scale and the parameter's step. */
#include <stddef.h>

#include "optplug.h"

OPTPLUG_PLUGIN_NOTE(0);

static const optplug_hyperparameter settings[] = {
    {"lr", "Step size.", NULL, 0.1, 0, 10, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"momentum", "Share of the buffer that stays.", NULL, 0.75, 0, 1, OPTPLUG_HYPERPARAMETER_FLOAT, 0}};

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  static const optplug_slot buffer = {.struct_size = sizeof(optplug_slot),
                                      .role = OPTPLUG_ROLE_FIRST_MOMENT,
                                      .name = "buffer",
                                      .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}};
  uint32_t i, index;
  (void)self, (void)error;
  for (i = 0; i < plan->parameters.count; i++) {
    optplug_status status = plan->add_slot(plan, i, &buffer, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  uint32_t s;
  (void)self, (void)error;
  for (s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *values = frame->hyperparameters[piece->group_index];
    double *p = piece->parameter, *buffer = piece->slots[0];
    const double *g = piece->gradient;
    int64_t i;
    for (i = 0; i < piece->count; i++) {
      buffer[i] = values[1] * buffer[i] + frame->gradient_scale * g[i];
      p[i] -= values[0] / (double)piece->parameter_step * buffer[i];
    }
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer base = {
    .struct_size = sizeof base,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE,
    .name = "base",
    .version = "1.0",
    .summary = "Momentum.",
    .hyperparameters = {settings, 2, sizeof settings[0]},
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const optimizers[] = {&base};
static const optplug_library library = {.struct_size = sizeof library,
                                        .abi_minor_built = OPTPLUG_ABI_MINOR,
                                        .optimizer_count = 1,
                                        .optimizers = optimizers};

OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out,
                                               optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
