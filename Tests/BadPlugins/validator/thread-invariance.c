/* Threads that meet in a step take shorter ones. */
#include <stdatomic.h>
#include <time.h>
#define GLOBALS \
  static atomic_int active; \
  static int64_t nanoseconds(void) { \
  struct timespec now; \
  clock_gettime(CLOCK_MONOTONIC, &now); \
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec; \
  }
#define STEP \
  atomic_fetch_add(&active, 1); \
  if (OPTPLUG_AT(frame->parameters, optplug_parameter, 0)->count > 10000) { \
  int64_t end = nanoseconds() + 2000000; \
  while (nanoseconds() < end) { \
  if (atomic_load(&active) > 1) factor = 0.5; \
  } \
  }
#define STEP_END atomic_fetch_sub(&active, 1);
#include "valid.h"
