/* A step never ends. */
#define STEP \
  for (volatile int i = 0; i == 0;) { \
  }
#include "valid.h"
