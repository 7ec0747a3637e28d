// Optimizers that compiled programs call by number. A program may outlive the optimizer and run on any thread, so it
// knows a number and no address.

#include "registry.h"

#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static xla_entry *entries;

static optplug_status fail(optplug_error *error, optplug_status status, const char *problem) {
  if (error && error->struct_size >= sizeof *error && error->message && error->message_capacity > 0) {
    snprintf(error->message, error->message_capacity, "%s", problem);
  }
  return status;
}

static void destroy(xla_entry *entry) {
  for (uint32_t i = 0; entry->arrays && i < entry->array_count; i++) free(entry->arrays[i].initial);
  free(entry->parameters);
  free(entry->gradients);
  free(entry->arrays);
  free(entry->counter_counts);
  free(entry->scheduled);
  pthread_mutex_destroy(&entry->lock);
  free(entry);
}

xla_entry *xla_take(uint64_t number) {
  pthread_mutex_lock(&registry_lock);
  xla_entry *entry = entries;
  while (entry && entry->number != number) entry = entry->next;
  if (entry) entry->uses++;
  pthread_mutex_unlock(&registry_lock);
  return entry;
}

void xla_give_back(xla_entry *entry) {
  pthread_mutex_lock(&registry_lock);
  int is_unused = --entry->uses == 0;
  pthread_mutex_unlock(&registry_lock);
  if (is_unused) destroy(entry);
}

void optplug_host_xla_close(uint64_t number) {
  pthread_mutex_lock(&registry_lock);
  xla_entry **link = &entries;
  while (*link && (*link)->number != number) link = &(*link)->next;
  xla_entry *entry = *link;
  if (entry) *link = entry->next;
  pthread_mutex_unlock(&registry_lock);
  if (!entry) return;
  // A call that runs ends first; one that has found the entry and waits finds it closed.
  pthread_mutex_lock(&entry->lock);
  entry->optimizer = NULL;
  pthread_mutex_unlock(&entry->lock);
  xla_give_back(entry);
}

/// Room for `count` elements of `size` bytes, zeroed, and never NULL for none.
static void *room(size_t count, size_t size) { return calloc(count ? count : 1, size); }

static int64_t byte_count(const int64_t *shape, uint32_t ndim, uint32_t bits) {
  int64_t bytes = bits / 8;
  for (uint32_t i = 0; i < ndim; i++) bytes *= shape[i];
  return bytes;
}

static int32_t xla_dtype(optplug_dtype dtype) {
  if (dtype.code == OPTPLUG_DTYPE_BFLOAT) return dtype.bits == 16 ? XLA_BF16 : 0;
  if (dtype.code != OPTPLUG_DTYPE_FLOAT) return 0;
  return dtype.bits == 64 ? XLA_F64 : dtype.bits == 32 ? XLA_F32 : dtype.bits == 16 ? XLA_F16 : 0;
}

/// Copies what calls need to know. False when there is no memory.
static int describe(xla_entry *entry, const optplug_host_xla_options *options) {
  entry->parameter_count = options->parameters.count;
  entry->parameters = room(entry->parameter_count, sizeof *entry->parameters);
  entry->gradients = room(entry->parameter_count, sizeof *entry->gradients);
  entry->arrays = room(entry->view.arrays.count, sizeof *entry->arrays);
  entry->counter_counts = room(entry->view.nodes.count, sizeof *entry->counter_counts);
  entry->scheduled = room(options->scheduled_count, sizeof *entry->scheduled);
  if (!entry->parameters || !entry->gradients || !entry->arrays || !entry->counter_counts || !entry->scheduled) {
    return 0;
  }
  for (uint32_t i = 0; i < entry->parameter_count; i++) {
    const optplug_host_parameter *parameter = OPTPLUG_AT(options->parameters, optplug_host_parameter, i);
    entry->parameters[i].bytes = byte_count(parameter->shape, parameter->ndim, parameter->dtype.bits);
    entry->parameters[i].dtype = xla_dtype(parameter->dtype);
  }
  for (uint32_t place = 0; place < entry->view.arrays.count; place++) {
    const optplug_host_array *array = xla_view_array(entry, place);
    if (array->kind == OPTPLUG_HOST_ARRAY_COUNTER) {
      entry->counter_counts[array->node]++;
      continue;
    }
    struct xla_array *mine = &entry->arrays[entry->array_count++];
    mine->place = place;
    mine->bytes = byte_count(array->shape, array->ndim, array->dtype.bits);
    if (array->parameter != OPTPLUG_HOST_NO_PARAMETER) continue;
    mine->initial = malloc(mine->bytes > 0 ? (size_t)mine->bytes : 1);
    if (!mine->initial) return 0;
    memcpy(mine->initial, array->data, (size_t)mine->bytes);
  }
  entry->scheduled_count = options->scheduled_count;
  for (uint32_t i = 0; i < options->scheduled_count; i++) entry->scheduled[i].place = options->scheduled[i];
  return 1;
}

optplug_status optplug_host_xla_open(const optplug_host_xla_options *options, optplug_error *error) {
  if (!options || options->struct_size < OPTPLUG_HOST_XLA_OPTIONS_SIZE_1_0 || !options->optimizer) {
    return fail(error, OPTPLUG_INVALID_ARGUMENT,
                "the options are missing, have no optimizer, or their struct_size is not set");
  }
  if (options->scheduled_count && !options->scheduled) {
    return fail(error, OPTPLUG_INVALID_ARGUMENT, "the scheduled hyperparameters are missing");
  }
  optplug_host_view view = {.struct_size = sizeof view};
  optplug_status status = optplug_host_look(options->optimizer, &view, error);
  if (status != OPTPLUG_OK) return status;
  if (view.step != 0) {
    return fail(error, OPTPLUG_INVALID_ARGUMENT, "the optimizer has taken a step already");
  }
  if (view.flags & OPTPLUG_HOST_REEVALUATES) {
    return fail(error, OPTPLUG_INVALID_ARGUMENT,
                "the optimizer evaluates the loss again in the middle of a step, which a compiled program cannot do");
  }
  xla_entry *entry = calloc(1, sizeof *entry);
  if (!entry) return fail(error, OPTPLUG_RESOURCE_EXHAUSTED, "no memory");
  pthread_mutex_init(&entry->lock, NULL);
  entry->number = options->number;
  entry->uses = 1;
  entry->optimizer = options->optimizer;
  entry->view = view;
  if (!describe(entry, options)) {
    destroy(entry);
    return fail(error, OPTPLUG_RESOURCE_EXHAUSTED, "no memory for the tables of a compiled program");
  }
  pthread_mutex_lock(&registry_lock);
  int is_taken = 0;
  for (xla_entry *other = entries; other; other = other->next) is_taken |= other->number == entry->number;
  if (!is_taken) {
    entry->next = entries;
    entries = entry;
  }
  pthread_mutex_unlock(&registry_lock);
  if (!is_taken) return OPTPLUG_OK;
  destroy(entry);
  return fail(error, OPTPLUG_INVALID_ARGUMENT, "the number is taken");
}
