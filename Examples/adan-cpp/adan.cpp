// Adan: Nesterov's momentum estimated from differences of gradients.
// Xie et al. 2022, Algorithm 1 without restarts, https://arxiv.org/abs/2208.06677. On a parameter's first step
// m = g, v = 0, n = g^2; then, with d = g - (the gradient before):
//
//   m <- (1 - beta1) m + beta1 g
//   v <- (1 - beta2) v + beta2 d
//   n <- (1 - beta3) n + beta3 (g + (1 - beta2) d)^2
//   p <- (p - lr (m + (1 - beta2) v) / (sqrt(n) + eps)) / (1 + lr weight_decay)
#include <optplug.h>

#include <cmath>
#include <cstdint>
#include <limits>

OPTPLUG_PLUGIN_NOTE(0);

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

enum Setting { lr, beta1, beta2, beta3, eps, weight_decay, setting_count };

const optplug_hyperparameter settings[setting_count] = {
    {"lr", "Step size.", nullptr, 1e-3, 0, infinity, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"beta1", "Share of the gradient that enters its mean.", nullptr, 0.02, 0, 1, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"beta2", "Share of the difference that enters its mean.", nullptr, 0.08, 0, 1, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"beta3", "Share of the square that enters its mean.", nullptr, 0.01, 0, 1, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"eps", "Added to the denominator.", nullptr, 1e-8, 0, infinity, OPTPLUG_HYPERPARAMETER_FLOAT, 0},
    {"weight_decay", "A step divides each weight by 1 + lr times this.", nullptr, 0, 0, infinity,
     OPTPLUG_HYPERPARAMETER_FLOAT, 0},
};

optplug_status plan(optplug_instance *, const optplug_plan *plan, optplug_error *) noexcept {
  struct Wish {
    const char *name;
    std::uint32_t role;
  };
  constexpr Wish wishes[] = {{"exp_avg", OPTPLUG_ROLE_FIRST_MOMENT},
                             {"exp_avg_diff", OPTPLUG_ROLE_OTHER},
                             {"exp_avg_sq", OPTPLUG_ROLE_SECOND_MOMENT},
                             {"last_gradient", OPTPLUG_ROLE_OTHER}};
  for (std::uint32_t i = 0; i < plan->parameters.count; i++) {
    for (const Wish &wish : wishes) {
      optplug_slot slot{};
      slot.struct_size = sizeof slot;
      slot.role = wish.role;
      slot.name = wish.name;
      slot.dtype = {OPTPLUG_DTYPE_AS_PARAMETER, 0, 1};
      std::uint32_t index;
      if (const auto status = plan->add_slot(plan, i, &slot, &index); status != OPTPLUG_OK) return status;
    }
  }
  return OPTPLUG_OK;
}

template <typename Real>
void update(const optplug_segment &piece, const double *values, double scale) noexcept {
  const Real b1 = Real(values[beta1]), b2 = Real(values[beta2]), b3 = Real(values[beta3]);
  const Real c1 = Real(1 - values[beta1]), c2 = Real(1 - values[beta2]), c3 = Real(1 - values[beta3]);
  const Real step = Real(values[lr]), tiny = Real(values[eps]), factor = Real(scale);
  const Real shrink = Real(1 / (1 + values[lr] * values[weight_decay]));
  const bool first = piece.parameter_step == 1;
  auto *p = static_cast<Real *>(piece.parameter);
  auto *m = static_cast<Real *>(piece.slots[0]), *v = static_cast<Real *>(piece.slots[1]);
  auto *n = static_cast<Real *>(piece.slots[2]), *before = static_cast<Real *>(piece.slots[3]);
  const auto *gradient = static_cast<const Real *>(piece.gradient);
  for (std::int64_t i = 0; i < piece.count; i++) {
    const Real g = gradient[i] * factor;
    const Real d = first ? Real(0) : g - before[i];
    const Real ahead = g + c2 * d;
    m[i] = first ? g : c1 * m[i] + b1 * g;
    v[i] = c2 * v[i] + b2 * d;
    n[i] = first ? g * g : c3 * n[i] + b3 * ahead * ahead;
    p[i] = (p[i] - step * (m[i] + c2 * v[i]) / (std::sqrt(n[i]) + tiny)) * shrink;
    before[i] = g;
  }
}

optplug_status step(const optplug_instance *, const optplug_frame *frame, optplug_error *) noexcept {
  for (std::uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment &piece = *OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *values = frame->hyperparameters[piece.group_index];
    if (frame->dtype.bits == 64) {
      update<double>(piece, values, frame->gradient_scale);
    } else {
      update<float>(piece, values, frame->gradient_scale);
    }
  }
  return OPTPLUG_OK;
}

const optplug_optimizer adan = [] {
  optplug_optimizer type{};
  type.struct_size = sizeof type;
  type.state_version = 1;
  type.capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64 | OPTPLUG_CAPABILITY_GRADIENT_SCALE |
                      OPTPLUG_CAPABILITY_JOINED_PARAMETERS;
  type.name = "adan";
  type.version = "1.0.0";
  type.summary = "Nesterov's momentum from differences of gradients.";
  type.url = "https://arxiv.org/abs/2208.06677";
  type.hyperparameters = {settings, setting_count, sizeof settings[0]};
  type.plan = plan;
  type.step = step;
  return type;
}();

const optplug_optimizer *const optimizers[] = {&adan};
const optplug_library library = {sizeof library, OPTPLUG_ABI_MINOR, 0, 1, optimizers, nullptr};

}  // namespace

OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *, const optplug_library **out,
                                               optplug_error *) noexcept {
  *out = &library;
  return OPTPLUG_OK;
}
