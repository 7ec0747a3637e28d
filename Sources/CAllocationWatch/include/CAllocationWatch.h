// Counts the allocations of threads that CPluginValidator watches, in every program that links this. There is nothing to
// call: `plugin_validator_can_count` says whether it is there, which it is not beside a sanitizer.
#ifndef C_ALLOCATION_WATCH_H
#define C_ALLOCATION_WATCH_H
#endif
