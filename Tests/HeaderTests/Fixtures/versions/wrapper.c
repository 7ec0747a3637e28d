/* A wrapper for the matrix of versions: slow weights that the others are pulled to on every second step. */
#include <stddef.h>

#include "optplug.h"

OPTPLUG_PLUGIN_NOTE(0);

struct optplug_instance {
  optplug_base base;
};

static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                             const optplug_create_info *info, optplug_instance **out, optplug_error *error) {
  static struct optplug_instance instance;
  (void)optimizer, (void)host, (void)error;
  instance.base = *OPTPLUG_AT(info->bases, optplug_base, 0);
  *out = &instance;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { (void)instance; }

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  static const optplug_slot slow = {.struct_size = sizeof(optplug_slot),
                                    .role = OPTPLUG_ROLE_PARAMETER_COPY,
                                    .name = "slow",
                                    .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1},
                                    .initial = OPTPLUG_INITIAL_PARAMETER};
  uint32_t i, index;
  (void)self, (void)error;
  for (i = 0; i < plan->parameters.count; i++) {
    optplug_status status = plan->add_slot(plan, i, &slow, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  optplug_status status = self->base.optimizer->step(self->base.instance, frame->children[0], error);
  uint32_t s;
  if (status != OPTPLUG_OK || frame->step % 2 != 0) return status;
  for (s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    double *p = piece->parameter, *slow = piece->slots[0];
    int64_t i;
    for (i = 0; i < piece->count; i++) p[i] = slow[i] += 0.25 * (p[i] - slow[i]);
  }
  return OPTPLUG_OK;
}

static const char *const roles[] = {"base"};
static const optplug_optimizer wrapper = {
    .struct_size = sizeof wrapper,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_NULL_GRADIENT,
    .name = "wrapper",
    .version = "1.0",
    .summary = "Slow weights.",
    .base_roles = roles,
    .base_count = 1,
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const optimizers[] = {&wrapper};
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
