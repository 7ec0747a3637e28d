/* A choice has an empty list of choices. */
#define HYPERPARAMETER \
  .kind = OPTPLUG_HYPERPARAMETER_CHOICE, .default_value = 0, .choices = (const char *const[]){NULL}
#include "bad.h"
