// A BLAS that computes nothing but counts how many threads are in it at once. PARALLEL: what it says of itself.

#include <stdatomic.h>
#include <time.h>

int most_callers;
static atomic_int callers;

int openblas_get_parallel(void) { return PARALLEL; }

static void stay(void) {
  int now = atomic_fetch_add(&callers, 1) + 1;
  if (now > most_callers) most_callers = now;
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, 0);
  atomic_fetch_sub(&callers, 1);
}

void cblas_sgemm(void) { stay(); }
void cblas_dgemm(void) { stay(); }
