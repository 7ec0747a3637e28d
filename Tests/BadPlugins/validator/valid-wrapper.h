/* A wrapper without a fault: it lets its base step and does no more. PLAN: statements of the plan. */
#ifndef VALID_WRAPPER_H
#define VALID_WRAPPER_H

#include "optplug.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef PLAN
#define PLAN
#endif

OPTPLUG_PLUGIN_NOTE(0);

struct optplug_instance {
  optplug_base base;
};

static inline optplug_status fail(optplug_error *error, optplug_status status, const char *message) {
  if (error != NULL && error->message_capacity > 0) {
    snprintf(error->message, error->message_capacity, "%s", message);
  }
  return status;
}

static optplug_status create(const optplug_optimizer *self, const optplug_host *host, const optplug_create_info *info,
                             optplug_instance **result, optplug_error *error) {
  if (info->bases.count != 1) return fail(error, OPTPLUG_INVALID_ARGUMENT, "it wraps one optimizer");
  optplug_instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL) return fail(error, OPTPLUG_RESOURCE_EXHAUSTED, "no memory for an instance");
  instance->base = *OPTPLUG_AT(info->bases, optplug_base, 0);
  *result = instance;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { free(instance); }

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  PLAN
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  return instance->base.optimizer->step(instance->base.instance, frame->children[0], error);
}

static const char *const roles[] = {"base"};
static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE |
                    OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
    .name = "wrapper",
    .version = "1.0.0",
    .summary = "What its base does",
    .base_roles = roles,
    .base_count = 1,
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
};

static const optplug_optimizer *const optimizers[] = {&optimizer};
static const optplug_library library = {.struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **result,
                                               optplug_error *error) {
  *result = &library;
  return OPTPLUG_OK;
}

#endif
