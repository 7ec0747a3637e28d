/* The least time that an optimizer's step can take: its traffic to memory and next to no arithmetic. */
#ifndef CMEMORYLIMIT_H
#define CMEMORYLIMIT_H

#include <stdbool.h>
#include <stddef.h>

/* Threads that stay: the calling one and `threads - 1` workers. */
typedef struct memory_limit_team memory_limit_team;

/* NULL when a thread cannot be started. */
memory_limit_team *memory_limit_team_start(int threads);
/* Ends the workers; no work may use the team afterwards. */
void memory_limit_team_stop(memory_limit_team *team);

/* The arrays that a step goes through. */
typedef struct memory_limit_work memory_limit_work;

/* A step reads `elements` floats of a gradient and reads and writes as many of each of `updated` arrays, 1 to
   4. `clips`: it reads the gradient once before, as clipping by the norm does.  NULL when memory is short.
   Takes the time of up to 90 steps to find the fastest of the ways that it knows. */
memory_limit_work *memory_limit_prepare(memory_limit_team *team, size_t elements, int updated, bool clips);
void memory_limit_release(memory_limit_work *work);

void memory_limit_step(memory_limit_work *work);

#endif
