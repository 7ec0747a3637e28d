/* Start-up code starts a thread. */
#include <pthread.h>
#include <unistd.h>
#define GLOBALS \
  static void *wait_for_work(void *nothing) { \
  pause(); \
  return nothing; \
  } \
  __attribute__((constructor)) static void prepare(void) { \
  pthread_t thread; \
  pthread_create(&thread, NULL, wait_for_work, NULL); \
  }
#include "valid.h"
