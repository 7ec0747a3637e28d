/* A step aborts. */
#define STEP \
  fputs("cannot go on\n", stderr); \
  abort();
#include "valid.h"
