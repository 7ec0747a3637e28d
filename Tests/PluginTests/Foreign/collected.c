/* Writes into the weights what was collected from the gradients: their sum and greatest magnitude over the tensor, the
   group or the model. Checks in every call what a frame may show of it. */
#include <math.h>
#include <stdio.h>

#include "optplug.h"

static const char *const scopes[] = {"tensor", "group", "model", NULL};
static const optplug_hyperparameter settings[] = {
    {.name = "scope", .doc = "Over what.", .choices = scopes, .max_value = 2, .kind = OPTPLUG_HYPERPARAMETER_CHOICE},
    {.name = "greatest", .doc = "The greatest magnitude instead of the sum.", .max_value = 1,
     .kind = OPTPLUG_HYPERPARAMETER_BOOLEAN}};

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const uint32_t operations[] = {OPTPLUG_REDUCE_SUM, OPTPLUG_REDUCE_MAX};
  return plan->set_phases(plan, 2, 2, operations);
}

static optplug_status wrong(optplug_error *error, const char *message) {
  if (error) snprintf(error->message, error->message_capacity, "%s", message);
  return OPTPLUG_INTERNAL;
}

static optplug_status collect(const optplug_frame *frame, optplug_error *error) {
  if (!frame->partials) return wrong(error, "no partials to write in the first phase");
  if (frame->tensor_reductions || frame->group_reductions || frame->model_reductions)
    return wrong(error, "results in the first phase");
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *g = piece->gradient;
    double *row = frame->partials + 2 * s;
    if (row[0] != 0 || row[1] != 0) return wrong(error, "partials do not begin at zero");
    if (piece->offset % OPTPLUG_REDUCTION_LENGTH != 0)
      return wrong(error, "a segment begins off the multiples of OPTPLUG_REDUCTION_LENGTH");
    const int64_t left = OPTPLUG_AT(frame->parameters, optplug_parameter, piece->parameter_index)->count - piece->offset;
    if (piece->count != (left < OPTPLUG_REDUCTION_LENGTH ? left : OPTPLUG_REDUCTION_LENGTH))
      return wrong(error, "a segment is neither OPTPLUG_REDUCTION_LENGTH long nor the end of its tensor");
    for (int64_t i = 0; i < piece->count; i++) {
      row[0] += g[i];
      row[1] = fmax(row[1], fabs(g[i]));
    }
  }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self;
  if (frame->phase == 0) return collect(frame, error);
  if (frame->partials) return wrong(error, "partials to write in the last phase");
  if (!frame->tensor_reductions || !frame->group_reductions || !frame->model_reductions)
    return wrong(error, "no results in the last phase");
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *values = frame->hyperparameters[piece->group_index];
    const double *results = values[0] == 0   ? frame->tensor_reductions + 2 * piece->parameter_index
                            : values[0] == 1 ? frame->group_reductions + 2 * piece->group_index
                                             : frame->model_reductions;
    double *p = piece->parameter;
    for (int64_t i = 0; i < piece->count; i++) p[i] = results[(int)values[1]];
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer collected = {
    .struct_size = sizeof collected, .capabilities = OPTPLUG_CAPABILITY_FLOAT64, .name = "collected",
    .version = "0.1", .summary = "Shows what was collected.",
    .hyperparameters = {settings, 2, sizeof settings[0]}, .plan = plan, .step = step};
static const optplug_optimizer *const optimizers[] = {&collected};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
