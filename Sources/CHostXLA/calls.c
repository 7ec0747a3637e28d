// The custom calls: check what XLA hands over, set the optimizer up from it, and take the step where the results lie.

#include "frames.h"
#include "registry.h"

#include <fenv.h>
#include <stdio.h>
#include <string.h>

/// A call in progress, and what has gone wrong in it.
typedef struct {
  const xla_frame *frame;
  xla_entry *entry;
  int32_t status;
  char message[1024];
} call;

/// Where nobody reads or writes: the memory of an empty array.
static _Alignas(64) char nothing[64];

static int fail(call *call, int32_t status, const char *format, long long a, long long b) {
  call->status = status;
  snprintf(call->message, sizeof call->message, format, a, b);
  return 0;
}

// ---- Frames ----------------------------------------------------------------------------------------

static void *error_of(const xla_frame *frame, int32_t status, const char *problem) {
  char message[1100];
  snprintf(message, sizeof message, "OptPlug: %s", problem);
  xla_error_arguments arguments = {.struct_size = sizeof arguments, .message = message, .code = status};
  return frame->api->create_error(&arguments);
}

/// Answers XLA's question of what a handler is. False when the frame asks for something else.
static int answers_metadata(const xla_frame *frame) {
  if (!frame->extensions || frame->extensions->kind != XLA_EXTENSION_METADATA) return 0;
  xla_metadata *metadata = ((const xla_metadata_extension *)frame->extensions)->metadata;
  // Old versions of XLA want their own number and do not tell it; new ones do, and take any that is not too old.
  int32_t minor = XLA_FIRST_MINOR;
  if (frame->api && frame->api->version.major_version == XLA_MAJOR) minor = frame->api->version.minor_version;
  if (minor > XLA_LAST_MINOR) minor = XLA_LAST_MINOR;
  metadata->version.struct_size = sizeof metadata->version;
  metadata->version.extensions = NULL;
  metadata->version.major_version = XLA_MAJOR;
  metadata->version.minor_version = minor;
  metadata->traits = 0;
  return 1;
}

/// The attribute `optimizer`.
static int read_number(call *call, uint64_t *number) {
  const xla_attributes *attributes = &call->frame->attributes;
  for (int64_t i = 0; i < attributes->count; i++) {
    const xla_text *name = attributes->names[i];
    if (name->length != 9 || memcmp(name->text, "optimizer", 9) != 0) continue;
    const xla_scalar *scalar = attributes->items[i];
    if (attributes->kinds[i] != XLA_ATTRIBUTE_SCALAR || scalar->dtype != XLA_S64) break;
    memcpy(number, scalar->value, sizeof *number);
    return 1;
  }
  return fail(call, OPTPLUG_INVALID_ARGUMENT, "the call has no int64 attribute 'optimizer'", 0, 0);
}

static const xla_buffer *buffer(const xla_values *values, int64_t i) { return values->items[i]; }

static void *data(const xla_values *values, int64_t i) {
  void *data = buffer(values, i)->data;
  return data ? data : nothing;
}

/// -1 for elements of a type that no optimizer has.
static int64_t byte_count(const xla_buffer *buffer) {
  int64_t bytes;
  switch (buffer->dtype) {
  case XLA_S8: case XLA_U8: bytes = 1; break;
  case XLA_S16: case XLA_U16: case XLA_F16: case XLA_BF16: bytes = 2; break;
  case XLA_S32: case XLA_U32: case XLA_F32: bytes = 4; break;
  case XLA_S64: case XLA_U64: case XLA_F64: bytes = 8; break;
  default: return -1;
  }
  for (int64_t i = 0; i < buffer->rank; i++) bytes *= buffer->dims[i];
  return bytes;
}

/// Checks that there are so many values, and all are buffers.
static int check_count(call *call, const xla_values *values, int64_t expected, int are_results) {
  if (values->count != expected) {
    return fail(call, OPTPLUG_INVALID_ARGUMENT,
                are_results ? "the call has %lld results, and %lld are expected"
                            : "the call has %lld operands, and %lld are expected",
                values->count, expected);
  }
  for (int64_t i = 0; i < expected; i++) {
    if (values->kinds[i] != XLA_VALUE_BUFFER || !XLA_HAS(buffer(values, i), xla_buffer, dims)) {
      return fail(call, OPTPLUG_INVALID_ARGUMENT, "value %lld of the call is no buffer", i, 0);
    }
  }
  return 1;
}

static int check_parameters(call *call, const xla_values *values, int64_t at) {
  for (uint32_t i = 0; i < call->entry->parameter_count; i++) {
    const xla_buffer *given = buffer(values, at + i);
    if (given->dtype != call->entry->parameters[i].dtype || byte_count(given) != call->entry->parameters[i].bytes) {
      return fail(call, OPTPLUG_INVALID_ARGUMENT, "buffer %lld has not the type and size of parameter %lld", at + i, i);
    }
  }
  return 1;
}

/// Checks arrays, counters and the step.
static int check_state(call *call, const xla_values *values, int64_t at) {
  const xla_entry *entry = call->entry;
  for (uint32_t i = 0; i < entry->array_count; i++, at++) {
    if (byte_count(buffer(values, at)) != entry->arrays[i].bytes) {
      return fail(call, OPTPLUG_INVALID_ARGUMENT, "buffer %lld has not the size of array %lld of the state", at, i);
    }
  }
  for (uint32_t node = 0; node <= entry->view.nodes.count; node++, at++) {
    int64_t count = node < entry->view.nodes.count ? entry->counter_counts[node] : 1;
    if (buffer(values, at)->dtype != XLA_S32 || byte_count(buffer(values, at)) != 4 * count) {
      return fail(call, OPTPLUG_INVALID_ARGUMENT, "buffer %lld has not %lld counters", at, count);
    }
  }
  return 1;
}

// ---- Memory ----------------------------------------------------------------------------------------

static int succeeds(call *call, optplug_status status) {
  call->status = status;
  return status == OPTPLUG_OK;
}

/// Runs a function of optplug_host.h, whose message stays in the call.
#define HOST(call, function, ...)                                                \
  succeeds(call, function((call)->entry->optimizer, __VA_ARGS__,                 \
                          &(optplug_error){sizeof(optplug_error), sizeof(call)->message, (call)->message}))

static int move_parameters(call *call, const xla_values *values) {
  for (uint32_t i = 0; i < call->entry->parameter_count; i++) {
    struct xla_parameter *parameter = &call->entry->parameters[i];
    void *place = data(values, i);
    if (parameter->data == place) continue;
    if (!HOST(call, optplug_host_move, i, place)) return 0;
    parameter->data = place;
  }
  return 1;
}

/// Lets a slot lie in a result, if it can: masters are the library's own, and slots are aligned to cache lines.
static int move_array(call *call, struct xla_array *array, void *place) {
  if (xla_view_array(call->entry, array->place)->kind == OPTPLUG_HOST_ARRAY_MASTER) return 1;
  if ((uintptr_t)place % 64 != 0) place = NULL;
  if (array->data == place) return 1;
  if (!HOST(call, optplug_host_move_state, array->place, place)) return 0;
  array->data = place;
  return 1;
}

/// Copies what does not lie in the results to them.
static void copy_out(const call *call, int64_t at) {
  const xla_values *results = &call->frame->results;
  for (uint32_t i = 0; i < call->entry->array_count; i++) {
    const struct xla_array *array = &call->entry->arrays[i];
    if (array->data || array->bytes == 0) continue;
    memcpy(data(results, at + i), xla_view_array(call->entry, array->place)->data, (size_t)array->bytes);
  }
}

/// Writes counters and the step, as they are now, to the results.
static void write_counters(const call *call, int64_t at) {
  const xla_entry *entry = call->entry;
  const xla_values *results = &call->frame->results;
  for (uint32_t node = 0; node < entry->view.nodes.count; node++) {
    int32_t *out = data(results, at + node);
    for (uint32_t place = 0; place < entry->view.arrays.count; place++) {
      const optplug_host_array *array = xla_view_array(entry, place);
      if (array->kind != OPTPLUG_HOST_ARRAY_COUNTER || array->node != node) continue;
      int64_t count = *(const int64_t *)array->data;
      *out++ = count < INT32_MAX ? (int32_t)count : INT32_MAX;
    }
  }
  *(int32_t *)data(results, at + entry->view.nodes.count) = entry->step < INT32_MAX ? (int32_t)entry->step : INT32_MAX;
}

/// Sets counters and the step from the operands.
static int read_counters(call *call, int64_t at) {
  xla_entry *entry = call->entry;
  const xla_values *operands = &call->frame->operands;
  int32_t step = *(const int32_t *)data(operands, at + entry->view.nodes.count);
  if (step < 0) return fail(call, OPTPLUG_INVALID_ARGUMENT, "the state's step is %lld", step, 0);
  int has_changed = entry->step != (uint64_t)step;
  for (uint32_t node = 0; node < entry->view.nodes.count; node++) {
    const int32_t *in = data(operands, at + node);
    for (uint32_t place = 0; place < entry->view.arrays.count; place++) {
      const optplug_host_array *array = xla_view_array(entry, place);
      if (array->kind != OPTPLUG_HOST_ARRAY_COUNTER || array->node != node) continue;
      int64_t *counter = array->data;
      has_changed |= *counter != *in;
      *counter = *in++;
    }
  }
  if (!has_changed) return 1;
  entry->step = UINT64_MAX;
  if (!HOST(call, optplug_host_state_changed, (uint64_t)step)) return 0;
  entry->step = (uint64_t)step;
  return 1;
}

static int set_scheduled(call *call, int64_t at) {
  xla_entry *entry = call->entry;
  if (entry->scheduled_count == 0) return 1;
  const xla_buffer *values = buffer(&call->frame->operands, at);
  int is_double = values->dtype == XLA_F64;
  if ((!is_double && values->dtype != XLA_F32) ||
      byte_count(values) != (is_double ? 8 : 4) * (int64_t)entry->scheduled_count) {
    return fail(call, OPTPLUG_INVALID_ARGUMENT, "the last operand has not the values of %lld hyperparameters",
                entry->scheduled_count, 0);
  }
  for (uint32_t i = 0; i < entry->scheduled_count; i++) {
    struct xla_scheduled *scheduled = &entry->scheduled[i];
    double value = is_double ? ((const double *)values->data)[i] : (double)((const float *)values->data)[i];
    if (scheduled->is_set && scheduled->value == value) continue;
    scheduled->is_set = 0;
    if (!HOST(call, optplug_host_set, scheduled->place, OPTPLUG_HOST_ALL_GROUPS, value)) return 0;
    scheduled->is_set = 1;
    scheduled->value = value;
  }
  return 1;
}

// ---- The calls -------------------------------------------------------------------------------------

/// parameters -> arrays, counters, step
static int initialize(call *call) {
  xla_entry *entry = call->entry;
  const xla_values *operands = &call->frame->operands, *results = &call->frame->results;
  if (!check_count(call, operands, entry->parameter_count, 0)) return 0;
  if (!check_count(call, results, (int64_t)entry->array_count + entry->view.nodes.count + 1, 1)) return 0;
  if (!check_parameters(call, operands, 0) || !check_state(call, results, 0)) return 0;
  // The operands are only read: a reset takes copies of them.
  if (!move_parameters(call, operands)) return 0;
  for (uint32_t i = 0; i < entry->array_count; i++) {
    if (!move_array(call, &entry->arrays[i], data(results, i))) return 0;
  }
  for (uint32_t i = 0; i < entry->parameter_count; i++) {
    if (!HOST(call, optplug_host_reset, i)) return 0;
  }
  for (uint32_t i = 0; i < entry->array_count; i++) {
    const struct xla_array *array = &entry->arrays[i];
    if (array->initial) memcpy(xla_view_array(entry, array->place)->data, array->initial, (size_t)array->bytes);
  }
  copy_out(call, 0);
  entry->step = UINT64_MAX;
  if (!HOST(call, optplug_host_state_changed, 0)) return 0;
  entry->step = 0;
  write_counters(call, entry->array_count);
  return 1;
}

/// Lets parameters and state lie in the results, with the values of the operands.
static int adopt(call *call) {
  xla_entry *entry = call->entry;
  const xla_values *operands = &call->frame->operands, *results = &call->frame->results;
  int64_t count = entry->parameter_count;
  for (int64_t i = 0; i < count; i++) {
    void *from = data(operands, i), *to = data(results, i);
    if (from != to) memcpy(to, from, (size_t)entry->parameters[i].bytes);
    entry->gradients[i] = data(operands, count + i);
  }
  if (!move_parameters(call, results)) return 0;
  for (uint32_t i = 0; i < entry->array_count; i++) {
    struct xla_array *array = &entry->arrays[i];
    if (!move_array(call, array, data(results, count + i))) return 0;
    void *from = data(operands, 2 * count + i), *to = xla_view_array(entry, array->place)->data;
    if (from != to && array->bytes > 0) memcpy(to, from, (size_t)array->bytes);
  }
  return 1;
}

/// parameters, gradients, arrays, counters, step, scheduled -> parameters, arrays, counters, step
static int step(call *call) {
  xla_entry *entry = call->entry;
  const xla_values *operands = &call->frame->operands, *results = &call->frame->results;
  int64_t parameters = entry->parameter_count, arrays = entry->array_count, nodes = entry->view.nodes.count;
  int64_t counters = 2 * parameters + arrays;
  if (!check_count(call, operands, counters + nodes + 1 + (entry->scheduled_count > 0), 0)) return 0;
  if (!check_count(call, results, parameters + arrays + nodes + 1, 1)) return 0;
  if (!check_parameters(call, operands, 0) || !check_parameters(call, operands, parameters)) return 0;
  if (!check_state(call, operands, 2 * parameters)) return 0;
  if (!check_parameters(call, results, 0) || !check_state(call, results, parameters)) return 0;
  if (!set_scheduled(call, counters + nodes + 1) || !read_counters(call, counters) || !adopt(call)) return 0;
  uint64_t before = entry->step;
  // Until it has succeeded.
  entry->step = UINT64_MAX;
  optplug_host_step_arguments arguments = {.struct_size = sizeof arguments, .gradients = entry->gradients};
  if (!HOST(call, optplug_host_step, &arguments)) return 0;
  entry->step = before + 1;
  copy_out(call, parameters);
  write_counters(call, parameters + arrays);
  return 1;
}

/// What both calls have in common.
static void *run(const xla_frame *frame, int (*body)(call *call)) {
  if (answers_metadata(frame)) return NULL;
  call call = {.frame = frame};
  uint64_t number = 0;
  if (!XLA_HAS(frame, xla_frame, attributes) || frame->stage != XLA_STAGE_EXECUTE) {
    return error_of(frame, OPTPLUG_UNIMPLEMENTED, "this version of XLA hands over calls in another way");
  }
  if (!read_number(&call, &number)) return error_of(frame, call.status, call.message);
  call.entry = xla_take(number);
  pthread_mutex_t *lock = call.entry ? &call.entry->lock : NULL;
  if (lock) pthread_mutex_lock(lock);
  if (!call.entry || !call.entry->optimizer) {
    fail(&call, OPTPLUG_FAILED_PRECONDITION,
         "the optimizer of this compiled program is closed, or was opened in another process; make the program anew",
         0, 0);
  } else {
    // XLA's threads flush denormal numbers, the optimizer's do not: a step must not depend on who takes part.
    fenv_t mode;
    fegetenv(&mode);
    fesetenv(FE_DFL_ENV);
    body(&call);
    fesetenv(&mode);
  }
  if (lock) {
    pthread_mutex_unlock(lock);
    xla_give_back(call.entry);
  }
  return call.status == OPTPLUG_OK ? NULL : error_of(frame, call.status, call.message);
}

void *optplug_host_xla_init(void *call_frame) { return run(call_frame, initialize); }

void *optplug_host_xla_step(void *call_frame) { return run(call_frame, step); }

void *optplug_host_xla_refuse(void *call_frame) {
  if (answers_metadata(call_frame)) return NULL;
  return error_of(call_frame, OPTPLUG_UNIMPLEMENTED,
                  "optimizers run on the CPU; put parameters, gradients and state there with jax.device_put");
}
