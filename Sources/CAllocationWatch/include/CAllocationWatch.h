// Counts the allocations of threads that CPluginValidator watches. A program that links this has it.
#ifndef C_ALLOCATION_WATCH_H
#define C_ALLOCATION_WATCH_H

/// Whether allocations are counted in this build: not beside a sanitizer, which has functions of its own for them.
int allocation_watch_is_active(void);

#endif
