/* The entry hands out one library, then another. */
#define ENTRY \
  static optplug_library other; \
  static int calls; \
  other = library; \
  if (calls++ % 2 != 0) { \
  *result = &other; \
  return OPTPLUG_OK; \
  }
#include "valid.h"
