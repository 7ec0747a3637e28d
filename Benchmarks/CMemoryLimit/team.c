/* Threads that spin before they sleep, since a small step takes less time than waking a thread. */

#define _GNU_SOURCE /* for processor affinity */

#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/* About 50 microseconds: longer than the gap between two steps in a row, short enough to leave the processor
   to the next competitor. */
#define SPINS 2000

typedef struct {
  memory_limit_team *team;
  pthread_t thread;
  int member;
} worker;

struct memory_limit_team {
  /* What changes with a run, on lines of their own so that spinning disturbs nothing else. */
  _Alignas(128) atomic_uint generation;
  _Alignas(128) atomic_int working;
  _Alignas(128) atomic_int sleeping;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  void (*share)(void *context, int member); /* NULL ends the workers */
  void *context;
  int waker; /* the processor that the last broadcast came from; guarded by `lock` */
  int threads;
  worker *workers;
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int current_processor(void) {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

/* Moves the calling thread to another processor if it is on this one. The system likes to wake a worker
   where its waker runs. There they would take turns, at 100 microseconds a step: the worker sleeps again
   before the system moves it. (Tying each thread to a processor for good is no better on a quiet machine,
   and slower when another process runs on one of them.) */
static void leave_processor(int processor) {
#if defined(__linux__)
  cpu_set_t allowed, others;
  if (processor < 0 || sched_getcpu() != processor || sched_getaffinity(0, sizeof allowed, &allowed)) return;
  others = allowed;
  CPU_CLR(processor, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others)) return;
  sched_setaffinity(0, sizeof allowed, &allowed);
#else
  (void)processor;
#endif
}

static void await_generation_after(memory_limit_team *team, unsigned seen) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&team->generation, memory_order_acquire) != seen) return;
    pause_briefly();
  }
  pthread_mutex_lock(&team->lock);
  /* Sequentially consistent, as in `announce`: it sees a sleeper, or the sleeper sees a new generation. */
  atomic_fetch_add(&team->sleeping, 1);
  while (atomic_load(&team->generation) == seen) pthread_cond_wait(&team->wake, &team->lock);
  atomic_fetch_sub(&team->sleeping, 1);
  const int waker = team->waker;
  pthread_mutex_unlock(&team->lock);
  leave_processor(waker);
}

static void announce(memory_limit_team *team) {
  atomic_store_explicit(&team->working, team->threads - 1, memory_order_relaxed);
  atomic_fetch_add(&team->generation, 1);
  if (atomic_load(&team->sleeping) == 0) return;
  pthread_mutex_lock(&team->lock);
  team->waker = current_processor();
  pthread_cond_broadcast(&team->wake);
  pthread_mutex_unlock(&team->lock);
}

static void *serve(void *argument) {
  const worker *self = argument;
  memory_limit_team *team = self->team;
  for (unsigned seen = 0;; seen++) {
    await_generation_after(team, seen);
    if (!team->share) return NULL;
    team->share(team->context, self->member);
    atomic_fetch_sub_explicit(&team->working, 1, memory_order_release);
  }
}

memory_limit_team *memory_limit_team_start(int threads) {
  void *memory = NULL;
  if (threads < 1 || posix_memalign(&memory, 128, sizeof(memory_limit_team))) return NULL;
  memory_limit_team *team = memory;
  *team = (memory_limit_team){.waker = -1, .threads = 1, .workers = calloc((size_t)threads, sizeof(worker))};
  pthread_mutex_init(&team->lock, NULL);
  pthread_cond_init(&team->wake, NULL);
  for (int i = 1; team->workers && i < threads; i++) {
    worker *next = &team->workers[i];
    *next = (worker){.team = team, .member = i};
    if (pthread_create(&next->thread, NULL, serve, next)) break;
    team->threads = i + 1;
  }
  if (team->workers && team->threads == threads) return team;
  memory_limit_team_stop(team);
  return NULL;
}

void memory_limit_team_stop(memory_limit_team *team) {
  if (!team) return;
  team->share = NULL;
  announce(team);
  for (int i = 1; i < team->threads; i++) pthread_join(team->workers[i].thread, NULL);
  pthread_cond_destroy(&team->wake);
  pthread_mutex_destroy(&team->lock);
  free(team->workers);
  free(team);
}

int memory_limit_team_size(const memory_limit_team *team) { return team->threads; }

void memory_limit_team_run(memory_limit_team *team, void (*share)(void *context, int member), void *context) {
  team->share = share;
  team->context = context;
  if (team->threads > 1) announce(team);
  share(context, 0);
  /* The others are about to finish, so the caller does not sleep; but one may wait for this processor. */
  for (int i = 0; atomic_load_explicit(&team->working, memory_order_acquire) > 0; i++) {
    if (i < SPINS)
      pause_briefly();
    else
      sched_yield();
  }
}
