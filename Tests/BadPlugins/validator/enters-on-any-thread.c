/* Every thread has a library of its own. */
#define ENTRY \
  static _Thread_local optplug_library mine; \
  mine = library; \
  *result = &mine; \
  return OPTPLUG_OK;
#include "valid.h"
