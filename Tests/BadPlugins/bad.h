/* A valid plugin of one optimizer.  A broken plugin defines one macro, which replaces one thing, and includes this.

   OPTIMIZER, LIBRARY, HYPERPARAMETER  designated initializers; the last one for a field wins
   ENTRY, CREATE, PLAN, STEP           statements in front of the function's own
   NOTE                                in place of the note

   Running code leaves a line in the file TRACE, so that a test can see how far the host went. */
#ifndef BAD_H
#define BAD_H

#include "optplug.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifndef OPTIMIZER
#define OPTIMIZER .reserved0 = 0
#endif
#ifndef LIBRARY
#define LIBRARY .abi_minor_required = 0
#endif
#ifndef HYPERPARAMETER
#define HYPERPARAMETER .flags = 0
#endif
#ifndef ENTRY
#define ENTRY
#endif
#ifndef CREATE
#define CREATE
#endif
#ifndef PLAN
#define PLAN
#endif
#ifndef STEP
#define STEP
#endif
#ifndef NOTE
#define NOTE OPTPLUG_PLUGIN_NOTE(0)
#endif

NOTE;

static void trace(const char *event) {
  FILE *file = fopen(TRACE, "a");
  if (file == NULL) return;
  fprintf(file, "%s\n", event);
  fclose(file);
}

__attribute__((constructor)) static void loaded(void) { trace("loaded"); }

static inline optplug_status fail(optplug_error *error, optplug_status status, const char *message) {
  if (error != NULL && error->message_capacity > 0) {
    snprintf(error->message, error->message_capacity, "%s", message);
  }
  return status;
}

static optplug_status create(const optplug_optimizer *optimizer, const optplug_host *host,
                             const optplug_create_info *info, optplug_instance **instance, optplug_error *error) {
  static char state;
  CREATE
  *instance = (optplug_instance *)(void *)&state;
  return OPTPLUG_OK;
}

static void destroy(optplug_instance *instance) { trace("destroyed"); }

static optplug_status plan(optplug_instance *instance, const optplug_plan *plan, optplug_error *error) {
  static const int64_t dims[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  uint32_t parameter = 0, index = 0;
  optplug_slot slot = {.struct_size = sizeof slot, .name = "mean", .dtype = {.code = OPTPLUG_DTYPE_AS_PARAMETER}};
  (void)dims;
  PLAN
  return plan->add_slot(plan, parameter, &slot, &index);
}

static optplug_status step(const optplug_instance *instance, const optplug_frame *frame, optplug_error *error) {
  STEP
  return OPTPLUG_OK;
}

static const optplug_hyperparameter hyperparameters[] = {
    {.name = "lr", .doc = "Step size", .default_value = 0.5, .min_value = 0, .max_value = 1, HYPERPARAMETER},
    {.name = "decay", .doc = "Decay", .default_value = 0.5, .min_value = 0, .max_value = 1},
};

static const optplug_optimizer optimizer = {
    .struct_size = sizeof optimizer,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32,
    .name = "bad",
    .version = "1.0.0",
    .summary = "Breaks one rule",
    .hyperparameters = {hyperparameters, 2, sizeof hyperparameters[0]},
    .create = create,
    .destroy = destroy,
    .plan = plan,
    .step = step,
    OPTIMIZER,
};

static const optplug_optimizer *const optimizers[] = {&optimizer};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers, LIBRARY};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **result, optplug_error *error) {
  trace("entered");
  ENTRY
  *result = &library;
  return OPTPLUG_OK;
}

#endif
