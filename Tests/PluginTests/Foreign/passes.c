/* Optimizers from a stranger that evaluate the loss again, and wrappers that stand above them: 64-bit floats. */
#include <math.h>
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

static optplug_status step_base(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  return self->base.optimizer->step(self->base.instance, frame->children[0], error);
}

/* ---- Leaves that move in every pass ----------------------------------------------------------------- */

static const optplug_hyperparameter rate[] = {
    {.name = "lr", .doc = "Step size.", .default_value = 0.1, .max_value = HUGE_VAL}};

static optplug_status descend(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    double *p = piece->parameter;
    const double *g = piece->gradient;
    for (int64_t i = 0; i < piece->count; i++) p[i] -= frame->hyperparameters[piece->group_index][0] * g[i];
  }
  return OPTPLUG_OK;
}

static optplug_status three_times(const optplug_instance *self, const optplug_pass *pass, uint32_t *verdict,
                                  optplug_error *error) {
  (void)self, (void)error;
  *verdict = pass->pass < 3 ? OPTPLUG_VERDICT_REEVALUATE : OPTPLUG_VERDICT_DONE;
  return OPTPLUG_OK;
}

static optplug_status for_ever(const optplug_instance *self, const optplug_pass *pass, uint32_t *verdict,
                               optplug_error *error) {
  (void)self, (void)pass, (void)error;
  *verdict = OPTPLUG_VERDICT_REEVALUATE;
  return OPTPLUG_OK;
}

/* Goes on as long as the loss that the trainer states is above 1. */
static optplug_status until_small(const optplug_instance *self, const optplug_pass *pass, uint32_t *verdict,
                                  optplug_error *error) {
  (void)self, (void)error;
  *verdict = pass->loss > 1 ? OPTPLUG_VERDICT_REEVALUATE : OPTPLUG_VERDICT_DONE;
  return OPTPLUG_OK;
}

static optplug_status nonsense(const optplug_instance *self, const optplug_pass *pass, uint32_t *verdict,
                               optplug_error *error) {
  (void)self, (void)pass, (void)error;
  *verdict = 77;
  return OPTPLUG_OK;
}

#define LEAF(id, more, function)                                        \
  static const optplug_optimizer id = {                                 \
      .struct_size = sizeof id,                                         \
      .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | (more),              \
      .name = #id,                                                      \
      .version = "0.1",                                                 \
      .summary = "Gradient descent in every pass.",                     \
      .hyperparameters = {rate, 1, sizeof rate[0]},                     \
      .step = descend,                                                  \
      .decide = function,                                               \
  }
LEAF(thrice, OPTPLUG_CAPABILITY_REEVALUATE, three_times);
LEAF(forever, OPTPLUG_CAPABILITY_REEVALUATE, for_ever);
LEAF(until, OPTPLUG_CAPABILITY_REEVALUATE, until_small);
LEAF(sly, 0, three_times);
LEAF(confused, OPTPLUG_CAPABILITY_REEVALUATE, nonsense);

/* ---- Wrappers that count what they see ----------------------------------------------------------------- */

static optplug_status plan_counts(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  static const char *const names[] = {"seen", "first", "last"};
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    for (int n = 0; n < 3; n++) {
      const optplug_slot slot = {
          .struct_size = sizeof slot, .name = names[n], .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}};
      uint32_t index;
      optplug_status status = plan->add_slot(plan, i, &slot, &index);
      if (status != OPTPLUG_OK) return status;
    }
  }
  return OPTPLUG_OK;
}

static optplug_status count_calls(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  optplug_status status = step_base(self, frame, error);
  if (status != OPTPLUG_OK) return status;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    for (int64_t i = 0; i < piece->count; i++) {
      ((double *)piece->slots[0])[i] += 1;
      ((double *)piece->slots[1])[i] += frame->flags & OPTPLUG_FRAME_FIRST ? 1 : 0;
      ((double *)piece->slots[2])[i] += frame->flags & OPTPLUG_FRAME_LAST ? 1 : 0;
    }
  }
  return OPTPLUG_OK;
}

static const char *const roles[] = {"base"};

#define COUNTER(id, more)                                               \
  static const optplug_optimizer id = {                                 \
      .struct_size = sizeof id,                                         \
      .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | (more),              \
      .name = #id,                                                      \
      .version = "0.1",                                                 \
      .summary = "Counts the calls in which it sees segments.",         \
      .base_roles = roles,                                              \
      .base_count = 1,                                                  \
      .create = create,                                                 \
      .destroy = destroy,                                               \
      .plan = plan_counts,                                              \
      .step = count_calls,                                              \
  }
COUNTER(once, 0);
COUNTER(every, OPTPLUG_CAPABILITY_EVERY_PHASE);

/* ---- A wrapper that multiplies its base's gradient, but not of parameters whose names begin with "past" -------- */

static const optplug_hyperparameter factor[] = {{.name = "factor",
                                                 .doc = "By which gradients are multiplied.",
                                                 .default_value = 2,
                                                 .min_value = -HUGE_VAL,
                                                 .max_value = HUGE_VAL}};

static optplug_status multiply(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double by = frame->hyperparameters[piece->group_index][0];
    const double *g = piece->gradient;
    double *changed = piece->base_gradient;
    for (int64_t i = 0; i < piece->count; i++) changed[i] = by * g[i];
  }
  return step_base(self, frame, error);
}

static uint32_t route(const optplug_optimizer *optimizer, const optplug_parameter *parameter, const double *values) {
  (void)optimizer, (void)values;
  return strncmp(parameter->name, "past", 4) == 0 ? 0 : OPTPLUG_ROUTE_ALL;
}

#define MULTIPLIER(id, routing)                                         \
  static const optplug_optimizer id = {                                 \
      .struct_size = sizeof id,                                         \
      .capabilities = OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_CHANGED_GRADIENT, \
      .name = #id,                                                      \
      .version = "0.1",                                                 \
      .summary = "Multiplies the gradient of its base.",                \
      .hyperparameters = {factor, 1, sizeof factor[0]},                 \
      .base_roles = roles,                                              \
      .base_count = 1,                                                  \
      .create = create,                                                 \
      .destroy = destroy,                                               \
      .step = multiply,                                                 \
      .route = routing,                                                 \
  }
MULTIPLIER(multiplied, NULL);
MULTIPLIER(choosy, route);

static const optplug_optimizer *const optimizers[] = {&thrice, &forever, &until,      &sly,   &confused,
                                                      &once,   &every,   &multiplied, &choosy};
static const optplug_library library = {.struct_size = sizeof library,
                                        .optimizer_count = sizeof optimizers / sizeof optimizers[0],
                                        .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
