/* Runs one function on several threads that are woken with as little delay as possible. */
#ifndef MEMORY_LIMIT_TEAM_H
#define MEMORY_LIMIT_TEAM_H

#include "CMemoryLimit.h"

int memory_limit_team_size(const memory_limit_team *team);

/* Calls `share(context, member)` once for every member, the calling thread being member 0, and returns when
   all calls have returned. */
void memory_limit_team_run(memory_limit_team *team, void (*share)(void *context, int member), void *context);

#endif
