// A BLAS that computes nothing but counts how many threads are in it at once. PARALLEL: what it says of itself.

#include <stdatomic.h>
#include <time.h>

atomic_int most_callers;
static atomic_int callers;

int openblas_get_parallel(void) { return PARALLEL; }

static void wait_a_moment(void) { nanosleep(&(struct timespec){.tv_nsec = 1000000}, 0); }

// With threads, all eight callers of the test meet here, or give up after a minute; without, each stays a while.
static void stay(void) {
  int now = atomic_fetch_add(&callers, 1) + 1;
  int most = atomic_load(&most_callers);
  while (now > most && !atomic_compare_exchange_weak(&most_callers, &most, now)) {
  }
  for (int i = 0; i < (PARALLEL ? 60000 : 20) && atomic_load(&most_callers) < 8; i++) wait_a_moment();
  atomic_fetch_sub(&callers, 1);
}

void cblas_sgemm(void) { stay(); }
void cblas_dgemm(void) { stay(); }
