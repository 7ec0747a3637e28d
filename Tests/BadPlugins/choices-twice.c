/* Two choices have one name. */
#define HYPERPARAMETER \
  .kind = OPTPLUG_HYPERPARAMETER_CHOICE, .default_value = 0, .choices = (const char *const[]){"reset", "reset", NULL}
#include "bad.h"
