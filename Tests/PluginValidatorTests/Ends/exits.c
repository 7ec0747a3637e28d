/* A step ends the process. */
#define STEP \
  fputs("bye\n", stderr); \
  exit(3);
#include "valid.h"
