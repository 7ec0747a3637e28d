/* A choice could not be written in an expression. */
#define HYPERPARAMETER \
  .kind = OPTPLUG_HYPERPARAMETER_CHOICE, .default_value = 0, .choices = (const char *const[]){"a, b", "c", NULL}
#include "bad.h"
