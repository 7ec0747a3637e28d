/* A wrapper that changes nothing and counts: in slot "seen" how often it saw an element, and in "first" and "last" how
   often with each flag. Compiled with -DCAPABILITIES for the other ways to see phases, -DGRANULARITY to be cut otherwise, -DROUTES to keep
   parameters with an even number of elements from its base and to hand it the others alone. */
#include <stdlib.h>

#include "optplug.h"

#ifndef CAPABILITIES
#define CAPABILITIES 0
#endif
#ifndef GRANULARITY
#define GRANULARITY OPTPLUG_GRANULARITY_ELEMENT
#endif

struct optplug_instance {
  optplug_base base;
};

static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                             const optplug_create_info *info, optplug_instance **instance, optplug_error *error) {
  (void)optimizer, (void)host, (void)error;
  *instance = malloc(sizeof **instance);
  if (!*instance) return OPTPLUG_RESOURCE_EXHAUSTED;
  (*instance)->base = *OPTPLUG_AT(info->bases, optplug_base, 0);
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { free(instance); }

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const char *const names[] = {"seen", "first", "last"};
  for (uint32_t i = 0; i < plan->parameters.count; i++)
    for (int slot = 0; slot < 3; slot++) {
      const optplug_slot count = {.struct_size = sizeof count, .name = names[slot], .dtype = {OPTPLUG_DTYPE_INT, 32, 1}};
      uint32_t index;
      optplug_status status = plan->add_slot(plan, i, &count, &index);
      if (status != OPTPLUG_OK) return status;
    }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    for (int64_t i = 0; i < piece->count; i++) {
      ((int32_t *)piece->slots[0])[i] += 1;
      ((int32_t *)piece->slots[1])[i] += (frame->flags & OPTPLUG_FRAME_FIRST) != 0;
      ((int32_t *)piece->slots[2])[i] += (frame->flags & OPTPLUG_FRAME_LAST) != 0;
    }
    if (!piece->base_gradient) continue;
    const size_t size = frame->dtype.bits / 8;
    for (size_t i = 0; i < (size_t)piece->count * size; i++)
      ((char *)piece->base_gradient)[i] = ((const char *)piece->gradient)[i];
  }
  return self->base.optimizer->step(self->base.instance, frame->children[0], error);
}

#ifdef ROUTES
static uint32_t route(const optplug_optimizer *optimizer, const optplug_parameter *parameter,
                      const double *hyperparameters) {
  (void)optimizer, (void)hyperparameters;
  return parameter->count % 2 == 0 ? OPTPLUG_ROUTE_SELF : 0;
}
#define ROUTE route
#else
#define ROUTE NULL
#endif

static const char *const roles[] = {"base"};
static const optplug_optimizer sight = {
    .struct_size = sizeof sight, .granularity = GRANULARITY,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | CAPABILITIES, .name = "sight",
    .version = "0.1", .summary = "Counts what it sees.", .base_roles = roles, .base_count = 1, .create = create,
    .destroy = destroy, .plan = plan, .step = step, .route = ROUTE};
static const optplug_optimizer *const optimizers[] = {&sight};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
