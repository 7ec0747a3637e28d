// What PluginValidator needs of C: watching one thread's calls for allocations and system calls, telling a fault in
// guarded memory from any other, and starting a child.
#ifndef C_PLUGIN_VALIDATOR_H
#define C_PLUGIN_VALIDATOR_H

#include <stdint.h>
#include <sys/types.h>

// ---- Allocations ------------------------------------------------------------------------------------------------

/// Whether this program counts allocations: only those that link CAllocationWatch do, which says so once.
int plugin_validator_can_count(void);
void plugin_validator_say_that_it_counts(void);
/// Whether the allocations of this thread count now, and how many there were: calls of malloc and its kin, free too.
extern _Thread_local int plugin_validator_is_counting;
extern _Thread_local uint64_t plugin_validator_allocations;

/// Starts counting this thread's allocations, from 0.
void plugin_validator_start_counting(void);
/// Ends it and answers how many there were.
uint64_t plugin_validator_stop_counting(void);

/// Bytes that the whole process has allocated and not released, or 0 where the system does not say.
int64_t plugin_validator_memory_in_use(void);

// ---- System calls -----------------------------------------------------------------------------------------------

/// Prepares this thread for `plugin_validator_trap_system_calls`. Returns 0, or the error number when the kernel
/// refuses.
int plugin_validator_prepare_system_calls(void);
/// From here to `plugin_validator_allow_system_calls` the thread's first system call is noted. It is carried out.
void plugin_validator_trap_system_calls(void);
/// Returns the number of the system call that was noted, or -1.
long plugin_validator_allow_system_calls(void);

// ---- Faults -----------------------------------------------------------------------------------------------------

/// From now on a fatal signal writes what happened to `file` as a result in JSON and ends the process. A fault inside
/// guarded memory says so. The result is "failed" for those, "crashed" for all others.
void plugin_validator_report_faults(int file);
/// Names the function of the plugin that runs, for reports; NULL when none does. The text must outlive the process.
void plugin_validator_set_function(const char *name);
/// The bytes from `start` on are guarded: whoever touches them did what `what` says. The text is copied. At most 4096
/// stretches are known at once; further ones are reported as any other fault.
void plugin_validator_guard(const void *start, uint64_t count, const char *what);
/// Forgets the stretch that begins at `start`.
void plugin_validator_unguard(const void *start);

// ---- Floating-point mode ----------------------------------------------------------------------------------------

/// Rounding, flushing of denormals and trapping of this thread, without the sticky exception flags.
uint64_t plugin_validator_float_mode(void);
/// Sets what `plugin_validator_float_mode` reads.
void plugin_validator_set_float_mode(uint64_t mode);

// ---- Children ---------------------------------------------------------------------------------------------------

/// Makes a pipe that other children do not get; reading it does not wait. Returns 0, or the error number.
int plugin_validator_pipe(int *read_end, int *write_end);
/// Starts `arguments[0]` in a process group of its own with nothing on its standard input, its standard output and
/// error going to `output`, and `result` as its file 3. Returns its id, or minus the error number.
pid_t plugin_validator_start(char *const arguments[], int result, int output);

#endif
