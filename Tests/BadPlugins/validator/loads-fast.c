/* Start-up code sleeps. */
#include <time.h>
#define GLOBALS \
  __attribute__((constructor)) static void prepare(void) { \
  struct timespec time = {.tv_nsec = 150000000}; \
  nanosleep(&time, NULL); \
  }
#include "valid.h"
