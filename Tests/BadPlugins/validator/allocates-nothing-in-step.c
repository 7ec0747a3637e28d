/* A step allocates memory and releases it. */
#define STEP \
  void *volatile memory = malloc(64); \
  free(memory);
#include "valid.h"
