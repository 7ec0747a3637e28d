// The whole seam to oneDNN: its C API, and the OpenMP team that it runs on.

#ifndef OPTPLUG_CONEDNN_SHIM_H
#define OPTPLUG_CONEDNN_SHIM_H

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>

// oneDNN runs its primitives on an OpenMP team. Loops of our own have to run on that same team: two
// pools of spinning threads on the same cores halve each other's speed. The runtime is whichever
// library oneDNN itself brought into the process, so its functions are looked up rather than linked
// (no compiler's development files are needed, and a oneDNN without OpenMP still works: NULL).

/// Sets the OpenMP thread count of the calling thread.
typedef void (*optplug_set_threads)(int count);
/// Runs `body(context)` once on each of `threads` threads and waits for all of them (libgomp's ABI,
/// which LLVM's runtime offers too).
typedef void (*optplug_parallel)(void (*body)(void *context), void *context, unsigned threads,
                                 unsigned flags);
/// Index of the calling thread in its team, or the team's size.
typedef int (*optplug_team_number)(void);

static inline void *optplug_symbol(const char *name) {
#ifdef RTLD_DEFAULT
  return dlsym(RTLD_DEFAULT, name);
#else
  return dlsym((void *)0, name);  // glibc: RTLD_DEFAULT is 0 and is hidden without _GNU_SOURCE
#endif
}

static inline optplug_set_threads optplug_find_set_threads(void) {
  return (optplug_set_threads)optplug_symbol("omp_set_num_threads");
}

static inline optplug_parallel optplug_find_parallel(void) {
  return (optplug_parallel)optplug_symbol("GOMP_parallel");
}

static inline optplug_team_number optplug_find_thread_index(void) {
  return (optplug_team_number)optplug_symbol("omp_get_thread_num");
}

static inline optplug_team_number optplug_find_team_size(void) {
  return (optplug_team_number)optplug_symbol("omp_get_num_threads");
}

// Bit flags cross into Swift as plain constants.
enum {
  optplug_norm_global_stats = dnnl_use_global_stats,
  optplug_norm_scale_shift = dnnl_use_scale | dnnl_use_shift,
  optplug_norm_relu = dnnl_fuse_norm_relu,
};

#endif
