/* A wrapper from a stranger: the average of all weights since the start, offered for evaluation. */
#include <stdlib.h>
#include <string.h>

#include "optplug.h"

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
  const optplug_slot average = {.struct_size = sizeof average,
                                .role = OPTPLUG_ROLE_PARAMETER_COPY,
                                .name = "average",
                                .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1},
                                .initial = OPTPLUG_INITIAL_PARAMETER};
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    uint32_t index;
    optplug_status status = plan->add_slot(plan, i, &average, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  optplug_status status = self->base.optimizer->step(self->base.instance, frame->children[0], error);
  if (status != OPTPLUG_OK) return status;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *p = piece->parameter;
    double *average = piece->slots[0];
    for (int64_t i = 0; i < piece->count; i++) average[i] += (p[i] - average[i]) / (double)(frame->step + 1);
  }
  return OPTPLUG_OK;
}

static optplug_status exchange(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    double *p = piece->parameter, *average = piece->slots[0];
    for (int64_t i = 0; i < piece->count; i++) {
      double weight = p[i];
      p[i] = average[i];
      average[i] = weight;
    }
  }
  return OPTPLUG_OK;
}

static const void *get_extension(const optplug_optimizer *optimizer, const char *id) {
  static const optplug_eval_view view = {sizeof view, 0, exchange, exchange};
  (void)optimizer;
  return strcmp(id, OPTPLUG_EXTENSION_EVAL_VIEW) == 0 ? &view : NULL;
}

static const char *const roles[] = {"inner"};
static const optplug_optimizer polyak = {
    .struct_size = sizeof polyak,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_NULL_GRADIENT,
    .name = "polyak",
    .version = "0.1",
    .summary = "The average of all weights.",
    .base_roles = roles,
    .base_count = 1,
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
    .get_extension = get_extension,
};
static const optplug_optimizer *const optimizers[] = {&polyak};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
