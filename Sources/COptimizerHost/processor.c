// Where threads run, and what they are called.

#define _GNU_SOURCE // for sched_getcpu and sets of processors

#include "COptimizerHost.h"

#include <pthread.h>

#ifdef __linux__
#include <sched.h>

void optimizer_host_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int optimizer_host_processor(void) { return sched_getcpu(); }

void optimizer_host_leave(int processor) {
  cpu_set_t allowed, others;
  if (processor < 0 || sched_getcpu() != processor || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  others = allowed;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  // It has moved; from now on the system may place it as before.
  sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
void optimizer_host_name_thread(const char *name) { pthread_setname_np(name); }

int optimizer_host_processor(void) { return -1; }

void optimizer_host_leave(int processor) { (void)processor; }
#endif

int optimizer_host_thread_name(char *name, size_t size) { return pthread_getname_np(pthread_self(), name, size); }
