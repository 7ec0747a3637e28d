/* The default values are not legal together. */
#define OPTIMIZER .check = check
#include "optplug.h"

static optplug_status check(const optplug_optimizer *optimizer, const double *hyperparameters, optplug_error *error);
#include "bad.h"

static optplug_status check(const optplug_optimizer *optimizer, const double *hyperparameters, optplug_error *error) {
  return fail(error, OPTPLUG_INVALID_ARGUMENT, "decay must be below lr");
}
