/* A wrapper that gives its base half of each gradient and keeps the whole one, with the formula of both. */
#include "optplug.h"

#include <stdlib.h>
#include <string.h>

OPTPLUG_PLUGIN_NOTE(0);

struct optplug_instance {
  optplug_base base;
};

static optplug_status create(const optplug_optimizer *self, const optplug_host *host, const optplug_create_info *info,
                             optplug_instance **result, optplug_error *error) {
  optplug_instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL) return OPTPLUG_RESOURCE_EXHAUSTED;
  instance->base = *OPTPLUG_AT(info->bases, optplug_base, 0);
  *result = instance;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { free(instance); }

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    uint32_t index;
    optplug_slot slot = {sizeof slot, OPTPLUG_ROLE_OTHER, "seen", NULL, 0, OPTPLUG_SHAPE_AS_PARAMETER,
                         {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}, OPTPLUG_INITIAL_ZERO, 0};
    optplug_status status = plan->add_slot(plan, i, &slot, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  const float scale = (float)frame->gradient_scale;
  for (uint32_t i = 0; i < frame->segments.count; i++) {
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i);
    const float *g = segment->gradient;
    float *seen = segment->slots[0], *half = segment->base_gradient;
    for (int64_t j = 0; j < segment->count; j++) {
      const float whole = g[j] * scale;
      half[j] = whole * 0.5f;
      if (frame->flags & OPTPLUG_FRAME_LAST) seen[j] = whole;
    }
  }
  return instance->base.optimizer->step(instance->base.instance, frame->children[0], error);
}

static const optplug_operation halve[] = {{OPTPLUG_OPERATION_GRADIENT, 0, 0, 0},
                                          {OPTPLUG_OPERATION_CONSTANT, 0, 0, 0},
                                          {OPTPLUG_OPERATION_MULTIPLY, 0, 1, 0},
                                          {OPTPLUG_OPERATION_SET_GRADIENT, 2, 0, 0}};
static const optplug_operation keep[] = {{OPTPLUG_OPERATION_GRADIENT, 0, 0, 0}, {OPTPLUG_OPERATION_SET_SLOT, 0, 0, 0}};
static const optplug_operations before = {sizeof before, 1, {halve, 4, sizeof halve[0]}};
static const optplug_operations after = {sizeof after, 0, {keep, 2, sizeof keep[0]}};

static optplug_status give(const optplug_instance *instance, const optplug_moment *moment,
                           const optplug_operations **result, double *constants, optplug_error *error) {
  constants[0] = 0.5;
  *result = moment->stage == OPTPLUG_STAGE_BEFORE ? &before : &after;
  return OPTPLUG_OK;
}

static const optplug_formula formula = {sizeof formula, 0, give};

static const void *get_extension(const optplug_optimizer *optimizer, const char *id) {
  return strcmp(id, OPTPLUG_EXTENSION_FORMULA) == 0 ? &formula : NULL;
}

static const char *const roles[] = {"base"};
static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .granularity = OPTPLUG_GRANULARITY_ELEMENT,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_GRADIENT_SCALE | OPTPLUG_CAPABILITY_JOINED_PARAMETERS |
                    OPTPLUG_CAPABILITY_CHANGED_GRADIENT,
    .name = "halving",
    .version = "1.0.0",
    .summary = "Half of each gradient for the base.",
    .base_roles = roles,
    .base_count = 1,
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
    .get_extension = get_extension,
};
static const optplug_optimizer *const optimizers[] = {&optimizer};
static const optplug_library library = {sizeof library, OPTPLUG_ABI_MINOR, 0, 1, optimizers, NULL};

OPTPLUG_EXPORT optplug_status OPTPLUG_CALL optplug_entry_v1(const optplug_host *host, const optplug_library **result,
                                                            optplug_error *error) {
  *result = &library;
  return OPTPLUG_OK;
}
