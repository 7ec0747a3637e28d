/* A step that is not called by who made the instance, but by a wrapper, is shorter. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#define GLOBALS \
  static const void *object_of(const void *code) { \
  Dl_info info; \
  return dladdr(code, &info) != 0 ? info.dli_fbase : NULL; \
  }
#define INSTANCE const void *host;
#define CREATE instance->host = object_of(__builtin_return_address(0));
#define STEP if (object_of(__builtin_return_address(0)) != instance->host) factor = 0.5;
#include "valid.h"
