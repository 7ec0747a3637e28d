/* The loops over arrays that the limit consists of. */
#ifndef MEMORY_LIMIT_LOOPS_H
#define MEMORY_LIMIT_LOOPS_H

#include <stddef.h>

enum { line_floats = 16, most_updated = 4 };

/* A cache line of floats; the compiler makes two AVX2 instructions of each operation, or four of SSE2. */
typedef float line __attribute__((vector_size(64)));

/* Adds lines `from..<to` of the gradient to the same lines of each updated array. */
typedef void memory_limit_loop(line *const *updated, const line *gradient, size_t from, size_t to);

/* For 1 to 4 updated arrays: without and with instructions that fetch ahead. */
extern memory_limit_loop *const memory_limit_plain_loops[most_updated];
extern memory_limit_loop *const memory_limit_fetching_loops[most_updated];

/* Reads lines `from..<to`; a number that depends on them all. */
float memory_limit_read(const line *gradient, size_t from, size_t to);

#endif
