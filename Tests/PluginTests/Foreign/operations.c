/* An update that uses every operation of a formula, and the same in C. */
#include "optplug.h"

#include <math.h>
#include <string.h>

OPTPLUG_PLUGIN_NOTE(0);

static const optplug_operation operations[] = {
    {OPTPLUG_OPERATION_PARAMETER, 0, 0, 0},     /* 0: p */
    {OPTPLUG_OPERATION_GRADIENT, 0, 0, 0},      /* 1: g */
    {OPTPLUG_OPERATION_CONSTANT, 0, 0, 0},      /* 2: lr */
    {OPTPLUG_OPERATION_MINIMUM, 0, 1, 0},       /* 3 */
    {OPTPLUG_OPERATION_MAXIMUM, 0, 1, 0},       /* 4 */
    {OPTPLUG_OPERATION_SIGN, 1, 0, 0},          /* 5 */
    {OPTPLUG_OPERATION_MAGNITUDE, 3, 0, 0},     /* 6 */
    {OPTPLUG_OPERATION_SQUARE_ROOT, 6, 0, 0},   /* 7 */
    {OPTPLUG_OPERATION_NEGATE, 7, 0, 0},        /* 8 */
    {OPTPLUG_OPERATION_LESS, 0, 1, 0},          /* 9 */
    {OPTPLUG_OPERATION_LESS_EQUAL, 6, 7, 0},    /* 10 */
    {OPTPLUG_OPERATION_EQUAL, 3, 0, 0},         /* 11 */
    {OPTPLUG_OPERATION_SELECT, 9, 4, 8},        /* 12 */
    {OPTPLUG_OPERATION_SELECT, 10, 12, 5},      /* 13 */
    {OPTPLUG_OPERATION_SELECT, 11, 13, 7},      /* 14 */
    {OPTPLUG_OPERATION_DIVIDE, 14, 2, 0},       /* 15 */
    {OPTPLUG_OPERATION_ADD, 15, 5, 0},          /* 16 */
    {OPTPLUG_OPERATION_SUBTRACT, 16, 3, 0},     /* 17 */
    {OPTPLUG_OPERATION_MULTIPLY, 17, 2, 0},     /* 18 */
    {OPTPLUG_OPERATION_FMA, 18, 2, 0},          /* 19: and + p, value 0 */
    {OPTPLUG_OPERATION_SET_PARAMETER, 19, 0, 0},
};

#define STEP(T, FMA, SQRT, FABS)                                                              \
  static T step_##T(T p, T g, T lr) {                                                         \
    volatile T low = p < g ? p : g, high = g < p ? p : g;                                     \
    volatile T sign = 0 < g ? (T)1 : g < 0 ? (T)-1 : (T)0;                                    \
    volatile T magnitude = FABS(low), root = SQRT(magnitude), negative = -root;               \
    volatile T a = p < g ? high : negative;                                                   \
    volatile T b = magnitude <= root ? a : sign;                                              \
    volatile T c = low == p ? b : root;                                                       \
    volatile T quotient = c / lr, sum = quotient + sign, rest = sum - low, product = rest * lr; \
    return FMA(product, lr, p);                                                               \
  }
STEP(float, fmaf, sqrtf, fabsf)
STEP(double, fma, sqrt, fabs)

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  for (uint32_t i = 0; i < frame->segments.count; i++) {
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, i);
    const double lr = frame->hyperparameters[segment->group_index][0];
    for (int64_t j = 0; j < segment->count; j++) {
      if (frame->dtype.bits == 32) {
        float *p = segment->parameter;
        p[j] = step_float(p[j], ((const float *)segment->gradient)[j], (float)lr);
      } else {
        double *p = segment->parameter;
        p[j] = step_double(p[j], ((const double *)segment->gradient)[j], lr);
      }
    }
  }
  return OPTPLUG_OK;
}

static const optplug_operations list = {
    sizeof list, 1, {operations, sizeof operations / sizeof operations[0], sizeof operations[0]}};

static optplug_status give(const optplug_instance *instance, const optplug_moment *moment,
                           const optplug_operations **result, double *constants, optplug_error *error) {
  constants[0] = moment->hyperparameters[0];
  *result = &list;
  return OPTPLUG_OK;
}

static const optplug_formula formula = {sizeof formula, 0, give};

static const void *get_extension(const optplug_optimizer *optimizer, const char *id) {
  return strcmp(id, OPTPLUG_EXTENSION_FORMULA) == 0 ? &formula : NULL;
}

static const optplug_hyperparameter hyperparameters[] = {
    {"lr", "Step size.", NULL, 0.1, 0.0, HUGE_VAL, OPTPLUG_HYPERPARAMETER_FLOAT, OPTPLUG_HYPERPARAMETER_MIN_EXCLUSIVE}};

static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .granularity = OPTPLUG_GRANULARITY_ELEMENT,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64,
    .name = "operations",
    .version = "1.0.0",
    .summary = "Every operation once.",
    .hyperparameters = {hyperparameters, 1, sizeof hyperparameters[0]},
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
