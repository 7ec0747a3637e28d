/* Gradient descent with momentum that hands out its formula by hand.  Compiled with -DWRONG=n for a list or constants
   that break a rule, each in its own way, and with -DGAP=n for none in step n. */
#include "optplug.h"

OPTPLUG_PLUGIN_NOTE(0);

#ifndef WRONG
#define WRONG 0
#endif
/* A step without a list. */
#ifndef GAP
#define GAP 0
#endif
#ifndef COUNT
#define COUNT (sizeof operations / sizeof operations[0])
#endif
#ifndef CONSTANTS
#define CONSTANTS 2
#endif

static int equal(const char *a, const char *b) {
  while (*a != '\0' && *a == *b) a++, b++;
  return *a == *b;
}

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    uint32_t index;
    optplug_slot slot = {sizeof slot, OPTPLUG_ROLE_FIRST_MOMENT, "buffer", NULL, 0, OPTPLUG_SHAPE_AS_PARAMETER,
                         {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}, OPTPLUG_INITIAL_ZERO, 0};
#if WRONG == 20
    slot.dtype = (optplug_dtype){OPTPLUG_DTYPE_FLOAT, 64, 1};
#endif
    optplug_status status = plan->add_slot(plan, i, &slot, &index);
    if (status != OPTPLUG_OK) return status;
  }
  return OPTPLUG_OK;
}

/* b <- momentum b + g, p <- p - lr b, in separate roundings. */
static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  for (uint32_t i = 0; i < frame->segments.count; i++) {
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i);
    const double *values = frame->hyperparameters[segment->group_index];
    float *p = segment->parameter, *b = segment->slots[0];
    const float *g = segment->gradient;
    const float lr = (float)values[0], momentum = (float)values[1];
    for (int64_t j = 0; j < segment->count; j++) {
      volatile float kept = momentum * b[j];
      b[j] = kept + g[j];
      volatile float move = lr * b[j];
      p[j] = p[j] - move;
    }
  }
  return OPTPLUG_OK;
}

static const optplug_operation operations[] = {
    {OPTPLUG_OPERATION_PARAMETER, 0, 0, 0},
    {OPTPLUG_OPERATION_GRADIENT, 0, 0, 0},
    {OPTPLUG_OPERATION_SLOT, WRONG == 1 ? 1 : 0, 0, 0},
    {OPTPLUG_OPERATION_CONSTANT, WRONG == 2 ? 2 : 0, 0, 0},
    {OPTPLUG_OPERATION_CONSTANT, 1, WRONG == 3 ? 7 : 0, 0},
    {WRONG == 4 ? 999u : OPTPLUG_OPERATION_MULTIPLY, 4, WRONG == 5 ? 5 : WRONG == 6 ? 0xFFFFFFFFu : 2, 0},
    {OPTPLUG_OPERATION_ADD, 5, 1, 0},
    {WRONG == 7 ? OPTPLUG_OPERATION_LESS : OPTPLUG_OPERATION_MULTIPLY, 3, 6, 0},
    {OPTPLUG_OPERATION_SUBTRACT, 0, 7, 0},
    {WRONG == 8 ? OPTPLUG_OPERATION_SET_GRADIENT : OPTPLUG_OPERATION_SET_PARAMETER, 8, 0, 0},
    {OPTPLUG_OPERATION_SET_SLOT, WRONG == 9 ? 9 : 6, WRONG == 10 ? 64 : 0, 0},
#if WRONG == 11
    {OPTPLUG_OPERATION_SET_PARAMETER, 0, 0, 0},
#elif WRONG == 12
    {OPTPLUG_OPERATION_SELECT, 0, 1, 2},
#elif WRONG == 18
    {OPTPLUG_OPERATION_SET_SLOT, 1, 0, 0},
#endif
};

static optplug_operations list = {WRONG == 13 ? 8 : sizeof list,
                                  CONSTANTS,
                                  {WRONG == 14 ? NULL : operations, COUNT, WRONG == 15 ? 12 : sizeof operations[0]}};

static optplug_status give(const optplug_instance *instance, const optplug_moment *moment,
                           const optplug_operations **result, double *constants, optplug_error *error) {
  if (WRONG == 16 || moment->step == GAP) return OPTPLUG_UNIMPLEMENTED;
  if (WRONG == 19) return OPTPLUG_INTERNAL;
  static int calls;
  if (WRONG == 22 && ++calls > 3) list.constant_count = 0;
  constants[0] = WRONG == 17 ? __builtin_nan("") : moment->hyperparameters[0];
  constants[1] = WRONG == 21 ? moment->hyperparameters[1] * 1.001 : moment->hyperparameters[1];
  *result = &list;
  return OPTPLUG_OK;
}

static const optplug_formula formula = {sizeof formula, 0, give};

static const void *get_extension(const optplug_optimizer *optimizer, const char *id) {
  return equal(id, OPTPLUG_EXTENSION_FORMULA) ? &formula : NULL;
}

static const optplug_hyperparameter hyperparameters[] = {
    {"lr", "Step size.", NULL, 0.1, 0.0, __builtin_huge_val(), OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"momentum", "Share of the buffer that a step keeps.", NULL, 0.9, 0.0, 1.0, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
};

static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .granularity = OPTPLUG_GRANULARITY_ELEMENT,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
    .name = "by-hand",
    .version = "1.0.0",
    .summary = "Momentum with its formula.",
    .hyperparameters = {hyperparameters, 2, sizeof hyperparameters[0]},
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
