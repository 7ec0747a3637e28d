/* A step calls itself without end. */
#define GLOBALS \
  static double deeper(volatile double *above) { \
    volatile double here[1000] = {*above}; \
    return deeper(here) + here[0]; \
  }
#define STEP \
  volatile double start = 1; \
  factor = deeper(&start);
#include "valid.h"
