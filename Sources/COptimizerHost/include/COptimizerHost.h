// What OptimizerHost needs of the processor: the mode of its floating-point unit, a hint for loops that wait, a place
// and a name for a thread, the running program, and floats of 16 bits.
#ifndef C_OPTIMIZER_HOST_H
#define C_OPTIMIZER_HOST_H

#include <stddef.h>
#include <stdint.h>

/// Rounding and flushing of denormals of vector and scalar arithmetic, without the sticky exception flags.
static inline uint64_t optimizer_host_float_mode(void) {
#if defined(__x86_64__)
  // Not the builtin: a compiler may take two of those for the same value, whatever was called in between.
  uint32_t mode;
  __asm__ volatile("stmxcsr %0" : "=m"(mode));
  return mode & ~UINT32_C(0x3F);
#elif defined(__aarch64__)
  uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return mode;
#else
  return 0;
#endif
}

/// Sets what `optimizer_host_float_mode` reads.
static inline void optimizer_host_set_float_mode(uint64_t mode) {
#if defined(__x86_64__)
  uint32_t mode32 = (uint32_t)mode;
  __asm__ volatile("ldmxcsr %0" : : "m"(mode32));
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
  (void)mode;
#endif
}

/// Tells the processor that this thread is waiting for another one.
static inline void optimizer_host_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Names this thread for debuggers and traces, with at most 15 bytes. Foundation's own way may come too early: it does
/// nothing before the thread that started this one has gone on.
void optimizer_host_name_thread(const char *name);

/// This thread's name. Returns 0, or the system's error number.
int optimizer_host_thread_name(char *name, size_t size);

/// Whether this thread is the one that the process began with.
int optimizer_host_is_main_thread(void);

/// The running program's path, links resolved. Returns 0, or -1 when it is not known or too long.
int optimizer_host_executable(char *path, size_t size);

/// The processor that this thread runs on, or -1 where the system does not say.
int optimizer_host_processor(void);

/// Moves this thread elsewhere if it runs on `processor` and may run elsewhere. Linux likes to wake a thread where its
/// waker runs; there the two would take turns.
void optimizer_host_leave(int processor);

/// The path of the shared library, or of the program, that this code is part of; NULL when the system does not say.
const char *optimizer_host_file(void);

/// Converts `count` floats of 16 bits, exactly, or to them, to nearest even.
void optimizer_host_from_bfloat16(const uint16_t *halves, float *floats, long count);
void optimizer_host_to_bfloat16(const float *floats, uint16_t *halves, long count);
void optimizer_host_from_float16(const uint16_t *halves, float *floats, long count);
void optimizer_host_to_float16(const float *floats, uint16_t *halves, long count);

#endif
