/* One addition per element and array: the least that reads and writes as an optimizer does.

   Of the processor's instructions these loops are bound by its loads and stores: for three updated arrays the
   compiler makes eight 256-bit loads, six stores and six additions of a line, all of 16 floats. */

#include "loops.h"

#include <stdbool.h>

/* Lines between the one in use and the one asked for: 16 and 32 were no faster. */
enum { ahead = 8 };

static inline __attribute__((always_inline)) void add(line *const *updated, const line *gradient, size_t from,
                                                      size_t to, int count, bool fetches) {
  line *arrays[most_updated];
  for (int a = 0; a < count; a++) arrays[a] = updated[a];
  for (size_t i = from; i < to; i++) {
    if (fetches) {
      __builtin_prefetch(gradient + i + ahead, 0);
      for (int a = 0; a < count; a++) __builtin_prefetch(arrays[a] + i + ahead, 1);
    }
    const line g = gradient[i];
    for (int a = 0; a < count; a++) arrays[a][i] += g;
  }
}

#define LOOPS(count)                                                                                 \
  static void plain_##count(line *const *updated, const line *gradient, size_t from, size_t to) {    \
    add(updated, gradient, from, to, count, false);                                                  \
  }                                                                                                  \
  static void fetching_##count(line *const *updated, const line *gradient, size_t from, size_t to) { \
    add(updated, gradient, from, to, count, true);                                                   \
  }
LOOPS(1)
LOOPS(2)
LOOPS(3)
LOOPS(4)

memory_limit_loop *const memory_limit_plain_loops[most_updated] = {plain_1, plain_2, plain_3, plain_4};
memory_limit_loop *const memory_limit_fetching_loops[most_updated] = {
    fetching_1, fetching_2, fetching_3, fetching_4};

float memory_limit_read(const line *gradient, size_t from, size_t to) {
  /* Four sums, so that additions do not wait for one another. */
  line sums[4] = {{0}};
  size_t i = from;
  for (; i + 4 <= to; i += 4)
    for (int s = 0; s < 4; s++) sums[s] += gradient[i + s];
  for (; i < to; i++) sums[0] += gradient[i];
  const line sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float total = 0;
  for (int f = 0; f < line_floats; f++) total += sum[f];
  return total;
}
