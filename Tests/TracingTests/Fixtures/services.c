/* Gradient descent that asks the host for everything it offers, and checks what comes back. */
#include <stdlib.h>

#include "optplug.h"

OPTPLUG_PLUGIN_NOTE(0);

struct optplug_instance {
  const optplug_host *host;
  const optplug_parallel_for *loops;
  const optplug_matrix_product *products;
  const optplug_random *numbers;
};

static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                             const optplug_create_info *info, optplug_instance **instance, optplug_error *error) {
  (void)optimizer, (void)info, (void)error;
  const optplug_log *messages = host->get_extension(host, OPTPLUG_EXTENSION_LOG);
  const optplug_instance made = {host, host->get_extension(host, OPTPLUG_EXTENSION_PARALLEL_FOR),
                                 host->get_extension(host, OPTPLUG_EXTENSION_MATRIX_PRODUCT),
                                 host->get_extension(host, OPTPLUG_EXTENSION_RANDOM)};
  if (!messages || !made.loops || !made.numbers) return OPTPLUG_FAILED_PRECONDITION;
  messages->write(host, OPTPLUG_LOG_DEBUG, "made");
  *instance = malloc(sizeof made);
  if (!*instance) return OPTPLUG_RESOURCE_EXHAUSTED;
  **instance = made;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { free(instance); }

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  static const int64_t dims[] = {3};
  const optplug_slot slot = {.struct_size = sizeof slot,
                             .name = "totals",
                             .dims = dims,
                             .ndim = 1,
                             .shape_rule = OPTPLUG_SHAPE_EXPLICIT,
                             .dtype = {OPTPLUG_DTYPE_FLOAT, 64, 1}};
  uint32_t index;
  optplug_status status = plan->add_model_slot(plan, &slot, &index);
  (void)instance, (void)error;
  if (status == OPTPLUG_OK) status = plan->set_phases(plan, 2, 1, NULL);
  if (status == OPTPLUG_OK) status = plan->set_scratch(plan, 64, 4);
  return status;
}

struct part {
  float *parameter;
  const float *gradient;
  double factor;
};

static void descend(void *context, uint32_t i) {
  const struct part *part = context;
  part->parameter[i] -= (float)(part->factor * part->gradient[i]);
}

static int multiplies_well(const optplug_instance *self) {
  float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 0, 1, 1, 1}, c[4] = {9, 9, 9, 9};
  const optplug_matrix left = {a, 3, 2, 2, 1, 0}, right = {b, 3, 2, 2, 0, 0}, product = {c, 2, 2, 2, 0, 0};
  if (!self->products) return 1;
  /* The transpose of a (2 x 3) times b (3 x 2), halved. */
  if (self->products->multiply(self->host, (optplug_dtype){OPTPLUG_DTYPE_FLOAT, 32, 1}, 0.5, &left, &right, 0,
                               &product) != OPTPLUG_OK)
    return 0;
  return c[0] == 3 && c[1] == 4 && c[2] == 4 && c[3] == 5;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)error;
  if (!multiplies_well(self)) return OPTPLUG_INTERNAL;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const float *gradient = piece->gradient;
    if (frame->phase == 0) {
      for (int64_t i = 0; i < piece->count; i++) frame->partials[s] += (double)gradient[i] * gradient[i];
    } else {
      uint32_t word;
      self->numbers->words(self->host, frame->seed, piece->parameter_index, 5, 1, &word);
      struct part part = {piece->parameter, gradient,
                          frame->hyperparameters[piece->group_index][0] / (1 + frame->model_reductions[0]) +
                              (double)word * 0x1p-60};
      self->loops->run(self->host, (uint32_t)piece->count, descend, &part);
    }
  }
  return OPTPLUG_OK;
}

static optplug_status decide(const optplug_instance *instance, const optplug_pass *pass, uint32_t *verdict,
                             optplug_error *error) {
  (void)instance, (void)error;
  ((double *)pass->model_slots[0])[0] += pass->model_reductions[0];
  *verdict = pass->step == 2 && pass->pass == 0 ? OPTPLUG_VERDICT_REEVALUATE : OPTPLUG_VERDICT_DONE;
  return OPTPLUG_OK;
}

static const optplug_hyperparameter hyperparameters[] = {
    {.name = "lr", .doc = "Step size.", .default_value = 0.1, .max_value = 1}};
static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_REEVALUATE,
    .name = "services",
    .version = "0.1",
    .summary = "Asks the host for everything.",
    .hyperparameters = {hyperparameters, 1, sizeof hyperparameters[0]},
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
    .decide = decide,
};
static const optplug_optimizer *const optimizers[] = {&optimizer};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *given, const optplug_library **out, optplug_error *error) {
  (void)given, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
