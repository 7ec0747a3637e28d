/* The first instance starts a thread. */
#include <pthread.h>
#include <unistd.h>
#define GLOBALS \
  static void *wait_for_work(void *nothing) { \
  pause(); \
  return nothing; \
  }
#define CREATE \
  static pthread_t thread; \
  if (thread == 0) pthread_create(&thread, NULL, wait_for_work, NULL);
#include "valid.h"
