/* A function is exported that could be static. */
#define GLOBALS \
  OPTPLUG_EXPORT double decay_of(double value); \
  double decay_of(double value) { return value; }
#include "valid.h"
