// Watches what a thread does inside a call: allocations, system calls, and the floating-point mode.

#define _GNU_SOURCE // for registers in signal contexts

#include "CPluginValidator.h"

#include "COptimizerHost.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static int counts;
_Thread_local int plugin_validator_is_counting;
_Thread_local uint64_t plugin_validator_allocations;

int plugin_validator_can_count(void) { return counts; }

void plugin_validator_say_that_it_counts(void) { counts = 1; }

void plugin_validator_start_counting(void) {
  plugin_validator_allocations = 0;
  plugin_validator_is_counting = 1;
}

uint64_t plugin_validator_stop_counting(void) {
  plugin_validator_is_counting = 0;
  return plugin_validator_allocations;
}

#if defined(__GLIBC__)
#include <malloc.h>

int64_t plugin_validator_memory_in_use(void) {
  struct mallinfo2 use = mallinfo2();
  return (int64_t)(use.uordblks + use.hblkhd);
}
#else
int64_t plugin_validator_memory_in_use(void) { return 0; }
#endif

#if defined(__linux__) && defined(__x86_64__)
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

// https://docs.kernel.org/admin-guide/syscall-user-dispatch.html; older headers lack the names.
enum { set_syscall_user_dispatch = 59, dispatch_on = 1, allow = 0, block = 1 };

// The kernel reads it at every system call of the thread.
static _Thread_local volatile char selector;
static _Thread_local volatile long noted = -1;

/// Notes the call, carries it out, and lets the thread's others pass.
static void system_call(int signal, siginfo_t *info, void *context) {
  (void)signal;
  selector = allow;
  noted = info->si_syscall;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  long result = syscall(noted, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
  r[REG_RAX] = result == -1 ? -errno : result;
}

int plugin_validator_prepare_system_calls(void) {
  struct sigaction action = {0};
  action.sa_sigaction = system_call;
  action.sa_flags = SA_SIGINFO;
  if (sigaction(SIGSYS, &action, NULL) != 0) return errno;
  selector = allow;
  return prctl(set_syscall_user_dispatch, dispatch_on, 0L, 0L, &selector) == 0 ? 0 : errno;
}

void plugin_validator_trap_system_calls(void) {
  noted = -1;
  selector = block;
}

long plugin_validator_allow_system_calls(void) {
  selector = allow;
  return noted;
}
#else
int plugin_validator_prepare_system_calls(void) { return ENOSYS; }
void plugin_validator_trap_system_calls(void) {}
long plugin_validator_allow_system_calls(void) { return -1; }
#endif

// Beside what the host restores, the mode of the old unit, in which libraries of long doubles compute.
uint64_t plugin_validator_float_mode(void) {
  uint64_t mode = optimizer_host_float_mode();
#if defined(__x86_64__)
  uint16_t x87;
  __asm__ volatile("fnstcw %0" : "=m"(x87));
  mode |= (uint64_t)x87 << 32;
#endif
  return mode;
}

void plugin_validator_set_float_mode(uint64_t mode) {
  optimizer_host_set_float_mode(mode);
#if defined(__x86_64__)
  uint16_t x87 = (uint16_t)(mode >> 32);
  __asm__ volatile("fldcw %0" : : "m"(x87));
#endif
}
