// Where the library or program lies that this code is part of.

#define _GNU_SOURCE // for dladdr

#include "COptimizerHost.h"

#include <dlfcn.h>
#include <stddef.h>

const char *optimizer_host_file(void) {
  static const char here = 0;
  Dl_info found;
  return dladdr(&here, &found) != 0 ? found.dli_fname : NULL;
}
