/* AdaBelief: steps scaled by how far gradients stray from their running mean.
   Zhuang et al. 2020, Algorithm 1, https://arxiv.org/abs/2010.07468, with weight decay apart from the gradient:

     p <- (1 - lr weight_decay) p
     m <- beta1 m + (1 - beta1) g
     s <- beta2 s + (1 - beta2) (g - m)^2 + eps
     p <- p - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps) */
#include <math.h>
#include <optplug.h>
#include <stddef.h>

OPTPLUG_PLUGIN_NOTE(0);

enum { LR, BETA1, BETA2, EPS, WEIGHT_DECAY, SETTINGS };

static const optplug_hyperparameter settings[SETTINGS] = {
    [LR] = {.name = "lr", .doc = "Step size.", .default_value = 1e-3, .max_value = HUGE_VAL},
    [BETA1] = {.name = "beta1", .doc = "Decay of the mean of gradients.", .default_value = 0.9, .max_value = 1,
               .flags = OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE},
    [BETA2] = {.name = "beta2", .doc = "Decay of the mean of squared deviations.", .default_value = 0.999,
               .max_value = 1, .flags = OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE},
    [EPS] = {.name = "eps", .doc = "Added to the deviations and to the denominator.", .default_value = 1e-16,
             .max_value = HUGE_VAL},
    [WEIGHT_DECAY] = {.name = "weight_decay", .doc = "A step shrinks each weight by lr times this.",
                      .max_value = HUGE_VAL},
};

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  static const optplug_slot slots[] = {
      {.struct_size = sizeof(optplug_slot), .role = OPTPLUG_ROLE_FIRST_MOMENT, .name = "exp_avg",
       .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}},
      {.struct_size = sizeof(optplug_slot), .role = OPTPLUG_ROLE_SECOND_MOMENT, .name = "exp_avg_var",
       .dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1}}};
  (void)self, (void)error;
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    for (int s = 0; s < 2; s++) {
      uint32_t index;
      const optplug_status status = plan->add_slot(plan, i, &slots[s], &index);
      if (status != OPTPLUG_OK) return status;
    }
  }
  return OPTPLUG_OK;
}

/* The update of one segment in one type. Constants are computed in double and rounded once. */
#define DEFINE_UPDATE(NAME, REAL, SQRT)                                                              \
  static void NAME(const optplug_segment *piece, const double *values, double scale) {               \
    const double t = (double)piece->parameter_step;                                                  \
    const REAL kept = (REAL)(1 - values[LR] * values[WEIGHT_DECAY]), eps = (REAL)values[EPS];        \
    const REAL b1 = (REAL)values[BETA1], c1 = (REAL)(1 - values[BETA1]);                             \
    const REAL b2 = (REAL)values[BETA2], c2 = (REAL)(1 - values[BETA2]);                             \
    const REAL lr = (REAL)(values[LR] / (1 - pow(values[BETA1], t)));                                \
    const REAL root = (REAL)sqrt(1 - pow(values[BETA2], t)), scaled = (REAL)scale;                   \
    REAL *restrict p = piece->parameter, *restrict m = piece->slots[0], *restrict s = piece->slots[1]; \
    const REAL *restrict gradient = piece->gradient;                                                 \
    for (int64_t i = 0; i < piece->count; i++) {                                                     \
      const REAL g = gradient[i] * scaled;                                                           \
      m[i] = b1 * m[i] + c1 * g;                                                                     \
      s[i] = b2 * s[i] + c2 * ((g - m[i]) * (g - m[i])) + eps;                                       \
      p[i] = kept * p[i] - lr * m[i] / (SQRT(s[i]) / root + eps);                                    \
    }                                                                                                \
  }

DEFINE_UPDATE(update_float, float, sqrtf)
DEFINE_UPDATE(update_double, double, sqrt)

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *values = frame->hyperparameters[piece->group_index];
    if (frame->dtype.bits == 64) {
      update_double(piece, values, frame->gradient_scale);
    } else {
      update_float(piece, values, frame->gradient_scale);
    }
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer adabelief = {
    .struct_size = sizeof adabelief,
    .granularity = OPTPLUG_GRANULARITY_ELEMENT,
    .state_version = 1,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE |
                    OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
    .name = "adabelief",
    .version = "1.0.0",
    .summary = "Steps scaled by how far gradients stray from their mean.",
    .url = "https://arxiv.org/abs/2010.07468",
    .hyperparameters = {settings, SETTINGS, sizeof settings[0]},
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const optimizers[] = {&adabelief};
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
