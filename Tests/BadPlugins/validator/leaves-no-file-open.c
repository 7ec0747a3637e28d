/* The first instance opens a file and nobody closes it. */
#include <fcntl.h>
#define CREATE \
  static int file; \
  if (file == 0) file = open("/dev/null", O_RDONLY);
#include "valid.h"
