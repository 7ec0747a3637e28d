/* Every function and struct of optplug_host.h in one trainer, in the words that C99 and C++11 have in common. */
#include "optplug_host.h"
#include "optplug_host.h"

static optplug_status again(void *context, double *loss) {
  *loss = *(const double *)context;
  return OPTPLUG_OK;
}

static void zero(void *memory, uint64_t size) {
  uint64_t i;
  for (i = 0; i < size; i++) ((char *)memory)[i] = 0;
}

static optplug_status look_at(optplug_host_optimizer *optimizer, optplug_error *error) {
  optplug_host_view view;
  optplug_status status;
  uint32_t i, momentum;
  double value;
  zero(&view, sizeof view);
  view.struct_size = (uint32_t)sizeof view;
  status = optplug_host_look(optimizer, &view, error);
  if (status != OPTPLUG_OK || !OPTPLUG_HAS(&view, optplug_host_view, granularity_block)) return status;
  for (i = 0; i < view.nodes.count; i++) {
    const optplug_host_node *node = OPTPLUG_AT(view.nodes, optplug_host_node, i);
    if (node->parent != 0 || node->name == NULL || node->path == NULL || node->file == NULL) continue;
  }
  for (i = 0; i < view.hyperparameters.count; i++) {
    const optplug_host_hyperparameter *one = OPTPLUG_AT(view.hyperparameters, optplug_host_hyperparameter, i);
    if (one->description->flags & OPTPLUG_HYPERPARAMETER_STRUCTURAL) continue;
    status = optplug_host_get(optimizer, i, 0, &value, error);
    if (status == OPTPLUG_OK) status = optplug_host_set(optimizer, i, OPTPLUG_HOST_ALL_GROUPS, value, error);
    if (status != OPTPLUG_OK) return status;
  }
  for (i = 0; i < view.arrays.count; i++) {
    const optplug_host_array *array = OPTPLUG_AT(view.arrays, optplug_host_array, i);
    if (array->parameter == OPTPLUG_HOST_NO_PARAMETER || array->kind == OPTPLUG_HOST_ARRAY_COUNTER ||
        array->kind == OPTPLUG_HOST_ARRAY_MASTER)
      continue;
    status = optplug_host_move_state(optimizer, i, NULL, error);
    if (status != OPTPLUG_OK) return status;
  }
  return optplug_host_find(optimizer, "momentum", &momentum, error);
}

static optplug_status keep(optplug_host_optimizer *optimizer, void *bytes, uint64_t capacity, optplug_error *error) {
  uint64_t size;
  optplug_status status = optplug_host_save(optimizer, bytes, capacity, &size, error);
  if (status == OPTPLUG_OK) status = optplug_host_restore(optimizer, bytes, size, error);
  if (status == OPTPLUG_OK) status = optplug_host_reset(optimizer, 0, error);
  if (status == OPTPLUG_OK) status = optplug_host_reset_several(optimizer, NULL, 0, error);
  if (status == OPTPLUG_OK) status = optplug_host_state_changed(optimizer, 0, error);
  return status;
}

static optplug_status on_gpu(optplug_host_optimizer *optimizer, void *stream, optplug_error *error) {
  optplug_status status = optplug_host_use_cuda(optimizer, 0, stream, error);
  if (status == OPTPLUG_OK) status = optplug_host_settle(optimizer, error);
  return status;
}

optplug_status train(float *weights, const float *gradient, int64_t count, optplug_error *error);
optplug_status train(float *weights, const float *gradient, int64_t count, optplug_error *error) {
  static char memory[4096];
  const void *gradients[1];
  double loss = 0;
  uint64_t size;
  optplug_host_optimizer *optimizer;
  optplug_host_step_arguments arguments;
  optplug_host_parameter parameter;
  optplug_host_setting setting;
  optplug_host_options options;
  optplug_status status;
  if (optplug_host_minor() + 1 <= OPTPLUG_HOST_MINOR) return OPTPLUG_UNIMPLEMENTED;
  if (count < 0) return on_gpu(NULL, NULL, error);
  zero(&parameter, sizeof parameter);
  parameter.struct_size = (uint32_t)sizeof parameter;
  parameter.name = "w";
  parameter.data = weights;
  parameter.shape = &count;
  parameter.ndim = 1;
  parameter.dtype.code = OPTPLUG_DTYPE_FLOAT;
  parameter.dtype.bits = 32;
  parameter.dtype.lanes = 1;
  zero(&setting, sizeof setting);
  setting.struct_size = (uint32_t)sizeof setting;
  setting.group = OPTPLUG_HOST_ALL_GROUPS;
  setting.name = "lr";
  setting.value = "1e-3";
  zero(&options, sizeof options);
  options.struct_size = (uint32_t)sizeof options;
  options.expression = "lookahead(sgd)";
  options.parameters.data = &parameter;
  options.parameters.count = 1;
  options.parameters.stride = (uint32_t)sizeof parameter;
  options.settings.data = &setting;
  options.settings.count = 1;
  options.settings.stride = (uint32_t)sizeof setting;
  options.flags = OPTPLUG_HOST_ALLOW_INSECURE;
  status = optplug_host_describe(options.expression, NULL, NULL, memory, sizeof memory, &size, error);
  if (status == OPTPLUG_OK) status = optplug_host_open(&options, &optimizer, error);
  if (status != OPTPLUG_OK) return status;
  zero(&arguments, sizeof arguments);
  arguments.struct_size = (uint32_t)sizeof arguments;
  arguments.flags = OPTPLUG_HOST_CLIPS | OPTPLUG_HOST_KNOWS_LOSS | OPTPLUG_HOST_SCALES;
  arguments.clipping_norm = arguments.gradient_scale = 1;
  gradients[0] = gradient;
  arguments.gradients = gradients;
  arguments.reevaluate = again;
  arguments.context = &loss;
  status = optplug_host_step(optimizer, &arguments, error);
  if (status == OPTPLUG_HOST_NOT_FINITE) status = OPTPLUG_OK;
  if (status == OPTPLUG_OK) status = look_at(optimizer, error);
  if (status == OPTPLUG_OK) status = keep(optimizer, memory, sizeof memory, error);
  if (status == OPTPLUG_OK) status = optplug_host_enter_evaluation(optimizer, error);
  if (status == OPTPLUG_OK) status = optplug_host_leave_evaluation(optimizer, error);
  if (status == OPTPLUG_OK) status = optplug_host_move(optimizer, 0, weights, error);
  optplug_host_close(optimizer);
  return status;
}
