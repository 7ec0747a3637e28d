/* The memory traffic of an optimizer's step with one addition per element: what no implementation can beat.

   What was tried, on a Zen 3 virtual machine with two processors (512 KiB of cache each, 32 MiB together),
   where times in memory differ by 10 % and more from run to run:
   - Loops: plain stores of whole lines are the fastest at most sizes; with instructions that fetch ahead they
     were up to 6 % faster in some runs and slower in others, so `choose` times both. Stores that bypass the
     cache take 15 to 20 % longer in memory, three to six times as long in cache. One array after another
     within blocks of 4 KiB: 5 to 20 % longer. Second and third array interleaved in blocks of 256 bytes, 4 or
     16 KiB: equal at best.
   - Placement: with arrays that begin a page and 1 KiB apart a step in cache (60,000 elements) takes 27 %
     less time than with arrays that begin at the same offset in a page; 64 bytes, 1 KiB and 68 KiB apart are
     in between. In memory, no difference. Huge pages gain less than the noise on that machine.
   - Sharing: fixed shares are up to 30 % faster where each thread finds its share in its own cache; elsewhere
     pieces are equal, and better when another process takes part of a processor. So `choose` times both.
     Pieces of 64 KiB per array are equal to those of 256 KiB in memory, and faster than those of 16 KiB in
     cache.
   - Clipping: reading the gradient backwards, so that the update finds its beginning in cache: no difference.
   Going through the arrays in alternating directions would save what the cache still holds of the step
   before. But in training a forward and a backward pass come between, so that it would be no limit of an
   optimizer. */

#include "CMemoryLimit.h"

#include "loops.h"
#include "team.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { huge_page = 2 << 20, stagger = 4096 + 1024, largest_piece = 1024 /* lines: 64 KiB */ };

typedef struct {
  char *mapping; /* NULL when there is none */
  size_t mapped;
  line *lines;
} region;

struct memory_limit_work {
  memory_limit_team *team;
  region gradient, updated[most_updated];
  line *arrays[most_updated];
  int updated_count;
  bool clips;
  size_t lines, piece;
  memory_limit_loop *loop;
  bool takes_pieces;
  _Alignas(128) atomic_size_t next;
  _Alignas(128) atomic_int use;
};

/* Calls `body` with what a member has to do: a fixed share, or pieces for as long as there are some. */
static inline __attribute__((always_inline)) void for_each_range(
    memory_limit_work *work, int member, void (*body)(memory_limit_work *work, size_t from, size_t to)) {
  const size_t members = (size_t)memory_limit_team_size(work->team), m = (size_t)member;
  if (!work->takes_pieces) {
    body(work, work->lines * m / members, work->lines * (m + 1) / members);
    return;
  }
  for (;;) {
    const size_t from = atomic_fetch_add_explicit(&work->next, work->piece, memory_order_relaxed);
    if (from >= work->lines) return;
    body(work, from, from + work->piece < work->lines ? from + work->piece : work->lines);
  }
}

static void read_range(memory_limit_work *work, size_t from, size_t to) {
  const float sum = memory_limit_read(work->gradient.lines, from, to);
  /* A use that the compiler cannot leave out; it never happens. */
  if (sum != sum) atomic_store_explicit(&work->use, 1, memory_order_relaxed);
}

static void update_range(memory_limit_work *work, size_t from, size_t to) {
  work->loop(work->arrays, work->gradient.lines, from, to);
}

static void read_share(void *work, int member) { for_each_range(work, member, read_range); }
static void update_share(void *work, int member) { for_each_range(work, member, update_range); }

static void run(memory_limit_work *work, void (*function)(void *work, int member)) {
  atomic_store_explicit(&work->next, 0, memory_order_relaxed);
  memory_limit_team_run(work->team, function, work);
}

void memory_limit_step(memory_limit_work *work) {
  if (work->clips) run(work, read_share);
  run(work, update_share);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

typedef struct {
  memory_limit_loop *loop;
  bool takes_pieces;
  double least;
} candidate;

static double time_of(memory_limit_work *work, const candidate *candidate, int steps) {
  work->loop = candidate->loop;
  work->takes_pieces = candidate->takes_pieces;
  /* Brings the arrays where this way of sharing wants them. */
  memory_limit_step(work);
  const double start = seconds();
  for (int i = 0; i < steps; i++) memory_limit_step(work);
  return (seconds() - start) / steps;
}

/* In turns, since another process may come between; the least time of each counts. */
static void choose(memory_limit_work *work) {
  memory_limit_loop *plain = memory_limit_plain_loops[work->updated_count - 1];
  memory_limit_loop *fetching = memory_limit_fetching_loops[work->updated_count - 1];
  candidate candidates[] = {
      {plain, true, 1e9}, {fetching, true, 1e9}, {plain, false, 1e9}, {fetching, false, 1e9}};
  const int count = memory_limit_team_size(work->team) > 1 ? 4 : 2;
  const double once = time_of(work, candidates, 1);
  const int steps = once > 1e-3 ? 1 : (int)(1e-3 / (once + 1e-7)) + 1;
  for (int round = 0; round < 10; round++) {
    for (candidate *c = candidates; c < candidates + count; c++) {
      const double time = time_of(work, c, steps);
      if (time < c->least) c->least = time;
    }
  }
  const candidate *pieces = &candidates[candidates[1].least < candidates[0].least];
  const candidate *shares = &candidates[2 + (candidates[3].least < candidates[2].least)];
  /* The least times do not show how well pieces fare beside another process, so that fixed shares must be
     clearly faster.  They are where each thread finds its share in its own cache. */
  const candidate *best = shares->least < 0.95 * pieces->least ? shares : pieces;
  work->loop = best->loop;
  work->takes_pieces = best->takes_pieces;
}

static bool map(region *region, size_t bytes, size_t offset) {
  const size_t pages = (bytes + offset + huge_page - 1) / huge_page + 1;
  char *mapping = mmap(NULL, (pages + 1) * huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (mapping == MAP_FAILED) return false;
  region->mapping = mapping;
  region->mapped = (pages + 1) * huge_page;
  char *start = (char *)(((uintptr_t)mapping + huge_page - 1) / huge_page * huge_page);
#if defined(MADV_HUGEPAGE)
  madvise(start, pages * huge_page, MADV_HUGEPAGE);
#endif
  region->lines = (line *)(void *)(start + offset);
  /* Numbers that stay exact and far from denormals for millions of steps. */
  for (size_t i = 0; i < bytes / sizeof(line); i++) region->lines[i] = (line){0} + 1;
  return true;
}

memory_limit_work *memory_limit_prepare(memory_limit_team *team, size_t elements, int updated, bool clips) {
  void *memory = NULL;
  if (updated < 1 || updated > most_updated || elements > SIZE_MAX / 256) return NULL;
  if (posix_memalign(&memory, 128, sizeof(memory_limit_work))) return NULL;
  memory_limit_work *work = memory;
  *work = (memory_limit_work){.team = team, .updated_count = updated, .clips = clips};
  work->lines = (elements + line_floats - 1) / line_floats;
  const size_t quarter = work->lines / (4 * (size_t)memory_limit_team_size(team)) + 1;
  work->piece = quarter < largest_piece ? quarter : largest_piece;
  bool is_mapped = map(&work->gradient, work->lines * sizeof(line), 0);
  for (int a = 0; a < updated && is_mapped; a++) {
    is_mapped = map(&work->updated[a], work->lines * sizeof(line), (size_t)(a + 1) * stagger);
    work->arrays[a] = work->updated[a].lines;
  }
  if (is_mapped) {
    choose(work);
    return work;
  }
  memory_limit_release(work);
  return NULL;
}

void memory_limit_release(memory_limit_work *work) {
  if (!work) return;
  if (work->gradient.mapping) munmap(work->gradient.mapping, work->gradient.mapped);
  for (int a = 0; a < work->updated_count; a++)
    if (work->updated[a].mapping) munmap(work->updated[a].mapping, work->updated[a].mapped);
  free(work);
}
