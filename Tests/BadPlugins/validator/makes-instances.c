/* No instance is ever made. */
#define CREATE \
  free(instance); \
  return fail(error, OPTPLUG_UNIMPLEMENTED, "there is no such device");
#include "valid.h"
