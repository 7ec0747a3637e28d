/* There is a table for sixteen threads; further ones take shorter steps. */
#include <stdatomic.h>
#define GLOBALS \
  static atomic_int threads; \
  static _Thread_local __attribute__((tls_model("initial-exec"))) int number;
#define STEP \
  if (number == 0) number = atomic_fetch_add(&threads, 1) + 1; \
  if (number > 16) factor = 0.5;
#include "valid.h"
