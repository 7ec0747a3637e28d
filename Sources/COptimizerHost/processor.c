// Where threads run, what they are called, and in which program.

#define _GNU_SOURCE // for sched_getcpu and sets of processors

#include "COptimizerHost.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>

int optimizer_host_is_main_thread(void) { return syscall(SYS_gettid) == getpid(); }

int optimizer_host_executable(char *path, size_t size) {
  const ssize_t length = readlink("/proc/self/exe", path, size);
  if (length < 0 || (size_t)length >= size) return -1;
  path[length] = 0;
  return 0;
}

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
#include <mach-o/dyld.h>

int optimizer_host_is_main_thread(void) { return pthread_main_np(); }

int optimizer_host_executable(char *path, size_t size) {
  uint32_t capacity = (uint32_t)size;
  char *resolved = _NSGetExecutablePath(path, &capacity) == 0 ? realpath(path, NULL) : NULL;
  const int fits = resolved != NULL && strlen(resolved) < size;
  if (fits) strcpy(path, resolved);
  free(resolved);
  return fits ? 0 : -1;
}

void optimizer_host_name_thread(const char *name) { pthread_setname_np(name); }

int optimizer_host_processor(void) { return -1; }

void optimizer_host_leave(int processor) { (void)processor; }
#endif

int optimizer_host_thread_name(char *name, size_t size) { return pthread_getname_np(pthread_self(), name, size); }
