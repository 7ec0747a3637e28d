/* The entry hands out another library from its fifth call on. */
#define ENTRY \
  static optplug_library other; \
  static int calls; \
  if (++calls > 4) { \
  other = library; \
  *result = &other; \
  return OPTPLUG_OK; \
  }
#include "valid.h"
