// A stranger's optimizer that uses every service of the host: it moves each row of a matrix by noise times gradient.
//
// With random signs R (columns x columns, from the tensor's own random numbers): p <- p - lr G R. It keeps the signs, and
// says so through the log.

#include "optplug.h"

#include <stdlib.h>

struct optplug_instance {
  const optplug_host *host;
  const optplug_log *log;
  const optplug_parallel_for *parallel;
  const optplug_matrix_product *product;
  const optplug_random *random;
};

static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                             const optplug_create_info *info, optplug_instance **out, optplug_error *error) {
  (void)optimizer, (void)info, (void)error;
  optplug_instance *made = calloc(1, sizeof *made);
  if (!made) return OPTPLUG_RESOURCE_EXHAUSTED;
  made->host = host;
  made->log = host->get_extension(host, OPTPLUG_EXTENSION_LOG);
  made->parallel = host->get_extension(host, OPTPLUG_EXTENSION_PARALLEL_FOR);
  made->product = host->get_extension(host, OPTPLUG_EXTENSION_MATRIX_PRODUCT);
  made->random = host->get_extension(host, OPTPLUG_EXTENSION_RANDOM);
  if (!made->log || !made->parallel || !made->product || !made->random) {
    free(made);
    return OPTPLUG_FAILED_PRECONDITION;
  }
  made->log->write(host, OPTPLUG_LOG_WARNING, "a stranger has been made");
  *out = made;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { free(instance); }

static int64_t columns(const optplug_parameter *parameter) {
  return parameter->ndim > 1 ? parameter->shape[1] : 1;
}

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  (void)instance, (void)error;
  uint64_t scratch = 0;
  for (uint32_t i = 0; i < plan->parameters.count; i++) {
    const optplug_parameter *parameter = OPTPLUG_AT(plan->parameters, optplug_parameter, i);
    int64_t n = columns(parameter), dims[] = {n, n};
    optplug_slot slot = {.struct_size = sizeof slot,
                         .name = "signs",
                         .dims = dims,
                         .ndim = 2,
                         .shape_rule = OPTPLUG_SHAPE_EXPLICIT,
                         .dtype = {OPTPLUG_DTYPE_FLOAT, 32, 1}};
    uint32_t index;
    optplug_status status = plan->add_slot(plan, i, &slot, &index);
    if (status != OPTPLUG_OK) return status;
    uint64_t bytes = 4 * (uint64_t)(parameter->count + n * n);
    if (bytes > scratch) scratch = bytes;
  }
  return plan->set_scratch(plan, scratch, 0);
}

struct rows {
  float *p;
  const float *move;
  int64_t columns;
  float lr;
};

static void move_row(void *context, uint32_t row) {
  const struct rows *rows = context;
  for (int64_t i = row * rows->columns; i < (row + 1) * rows->columns; i++) rows->p[i] -= rows->lr * rows->move[i];
}

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *segment = OPTPLUG_AT(frame->segments, optplug_segment, s);
    int64_t n = columns(OPTPLUG_AT(frame->parameters, optplug_parameter, segment->parameter_index));
    float *signs = segment->slots[0], *move = frame->scratch;
    uint32_t *words = (uint32_t *)(move + segment->count);
    instance->random->words(instance->host, frame->seed, segment->parameter_index, 0, (uint32_t)(n * n), words);
    for (int64_t i = 0; i < n * n; i++) signs[i] = words[i] >> 31 ? 1 : -1;
    optplug_matrix g = {(void *)segment->gradient, segment->count / n, n, n, 0, 0};
    optplug_matrix r = {signs, n, n, n, 0, 0};
    optplug_matrix m = {move, segment->count / n, n, n, 0, 0};
    optplug_status status = instance->product->multiply(instance->host, frame->dtype, 1, &g, &r, 0, &m);
    if (status != OPTPLUG_OK) return status;
    struct rows rows = {segment->parameter, move, n, (float)frame->hyperparameters[segment->group_index][0]};
    instance->parallel->run(instance->host, (uint32_t)(segment->count / n), move_row, &rows);
  }
  return OPTPLUG_OK;
}

static const optplug_hyperparameter settings[] = {
    {.name = "lr", .doc = "Step size.", .default_value = 0.5, .min_value = 0, .max_value = 1e9}};
static const optplug_optimizer services = {
    .struct_size = sizeof services,
    .granularity = OPTPLUG_GRANULARITY_TENSOR,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32,
    .name = "services",
    .version = "0.1",
    .summary = "Random signs times gradient.",
    .hyperparameters = {settings, 1, sizeof settings[0]},
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
};
static const optplug_optimizer *const optimizers[] = {&services};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
