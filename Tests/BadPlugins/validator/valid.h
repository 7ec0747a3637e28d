/* A plugin without a fault: SGD with momentum in both precisions. A broken one is named after the case that it fails,
   defines macros that put one fault in, and includes this; `#define` nothing and every case passes.

   GLOBALS                           declarations in front of everything
   NOTE                              in place of the note
   OPTIMIZER, LIBRARY, LR, MOMENTUM  designated initializers; the last one for a field wins
   MORE_HYPERPARAMETERS              entries behind those of SGD
   INSTANCE                          members of the instance
   ENTRY, CREATE, DESTROY, PLAN      statements in front of the function's own
   STEP, STEP_END                    statements around a step; `factor` multiplies the learning rate
   SEGMENT(T)                        statements in front of a segment's loop, over T; `p`, `g`, `m`, `count`, `lr` are in reach
   GRADIENT(T)                       statements that change the element's gradient `x` */
#ifndef VALID_H
#define VALID_H

#include "optplug.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GLOBALS
#define GLOBALS
#endif
#ifndef NOTE
#define NOTE OPTPLUG_PLUGIN_NOTE(0)
#endif
#ifndef OPTIMIZER
#define OPTIMIZER .reserved0 = 0
#endif
#ifndef LIBRARY
#define LIBRARY .abi_minor_required = 0
#endif
#ifndef LR
#define LR .flags = 0
#endif
#ifndef MOMENTUM
#define MOMENTUM .flags = OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE
#endif
#ifndef MORE_HYPERPARAMETERS
#define MORE_HYPERPARAMETERS
#endif
#ifndef INSTANCE
#define INSTANCE
#endif
#ifndef ENTRY
#define ENTRY
#endif
#ifndef CREATE
#define CREATE
#endif
#ifndef DESTROY
#define DESTROY
#endif
#ifndef PLAN
#define PLAN
#endif
#ifndef STEP
#define STEP
#endif
#ifndef STEP_END
#define STEP_END
#endif
#ifndef SEGMENT
#define SEGMENT(T)
#endif
#ifndef GRADIENT
#define GRADIENT(T)
#endif

NOTE;

struct optplug_instance {
  uint32_t slot;
  INSTANCE
};

static inline optplug_status fail(optplug_error *error, optplug_status status, const char *message) {
  if (error != NULL && error->message_capacity > 0) {
    snprintf(error->message, error->message_capacity, "%s", message);
  }
  return status;
}

static const optplug_optimizer optimizer;
static const optplug_library library;
GLOBALS

static optplug_status create(const optplug_optimizer *self, const optplug_host *host, const optplug_create_info *info,
                             optplug_instance **result, optplug_error *error) {
  optplug_instance *instance = calloc(1, sizeof *instance);
  if (instance == NULL) return fail(error, OPTPLUG_RESOURCE_EXHAUSTED, "no memory for an instance");
  CREATE
  *result = instance;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) {
  DESTROY
  free(instance);
}

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    const optplug_parameter *parameter = OPTPLUG_AT(plan->parameters, optplug_parameter, i);
    optplug_slot slot = {.struct_size = sizeof slot,
                         .name = "momentum_buffer",
                         .role = OPTPLUG_ROLE_FIRST_MOMENT,
                         .dtype = {.code = OPTPLUG_DTYPE_AS_PARAMETER}};
    (void)parameter;
    PLAN
    optplug_status status = plan->add_slot(plan, i, &slot, &instance->slot);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

#define UPDATE(T)                                                                                                    \
  static void update_##T(const optplug_instance *instance, const optplug_frame *frame, const optplug_segment *segment, \
                         double factor) {                                                                            \
    const double *values = frame->hyperparameters[segment->group_index];                                             \
    T *p = segment->parameter, *m = segment->slots[instance->slot];                                                  \
    const T *g = segment->gradient;                                                                                  \
    int64_t count = segment->count;                                                                                  \
    T lr = (T)values[0], momentum = (T)values[1], decay = (T)values[2], scale = (T)frame->gradient_scale;            \
    SEGMENT(T)                                                                                                       \
    lr *= (T)factor;                                                                                                 \
    for (int64_t i = 0; i < count; i++) {                                                                            \
      T x = g[i] * scale;                                                                                            \
      GRADIENT(T)                                                                                                    \
      x += decay * p[i];                                                                                             \
      m[i] = momentum * m[i] + x;                                                                                    \
      p[i] -= lr * m[i];                                                                                             \
    }                                                                                                                \
  }
UPDATE(float)
UPDATE(double)

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  double factor = 1;
  if (frame->dtype.code != OPTPLUG_DTYPE_FLOAT || (frame->dtype.bits != 32 && frame->dtype.bits != 64)) {
    return fail(error, OPTPLUG_INVALID_ARGUMENT, "only 32-bit and 64-bit floats can be trained");
  }
  STEP
  for (uint32_t i = 0; i < frame->segments.count; i++) {
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i);
    if (frame->dtype.bits == 32) {
      update_float(instance, frame, segment, factor);
    } else {
      update_double(instance, frame, segment, factor);
    }
  }
  STEP_END
  return OPTPLUG_OK;
}

static const optplug_hyperparameter hyperparameters[] = {
    {.name = "lr", .doc = "Step size.", .default_value = 1e-3, .min_value = 0, .max_value = HUGE_VAL, LR},
    {.name = "momentum", .doc = "Decay of the momentum.", .default_value = 0.5, .max_value = 1, MOMENTUM},
    {.name = "weight_decay", .doc = "Factor of weights in gradients.", .max_value = HUGE_VAL},
    MORE_HYPERPARAMETERS};

static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE |
                    OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
    .state_version = 1,
    .name = "valid",
    .version = "1.0.0",
    .summary = "SGD with momentum",
    .hyperparameters = {hyperparameters, sizeof hyperparameters / sizeof hyperparameters[0],
                        sizeof hyperparameters[0]},
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
    OPTIMIZER,
};

static const optplug_optimizer *const optimizers[] = {&optimizer};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers, LIBRARY};

OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **result,
                                               optplug_error *error) {
  ENTRY
  *result = &library;
  return OPTPLUG_OK;
}

#endif
