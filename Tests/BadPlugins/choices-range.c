/* The range of a choice leaves out some of its words. */
#define HYPERPARAMETER \
  .kind = OPTPLUG_HYPERPARAMETER_CHOICE, .default_value = 0, .choices = (const char *const[]){"a", "b", "c", NULL}
#include "bad.h"
