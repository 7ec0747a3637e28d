/* CHostXLA.h - OptPlug's optimizers inside programs that XLA has compiled, as JAX does: part of liboptplug.so.

   Two custom calls of XLA's typed foreign function interface, for the CPU. The trainer opens an optimizer with
   optplug_host_open, gives it a number here, and compiles calls whose only attribute, the int64 `optimizer`, is
   that number. A call sets everything that it depends on from its operands - weights, state, counters, values of
   hyperparameters - so that it is a pure function, and any number of programs and threads may share an optimizer.

   With P parameters, A arrays of state that are no counters in the order of optplug_host_view.arrays, and N nodes:
     optplug_host_xla_init   parameters[P] -> arrays[A], counters[N], step
     optplug_host_xla_step   parameters[P], gradients[P], arrays[A], counters[N], step, scheduled (when there are any)
                             -> parameters[P], arrays[A], counters[N], step
   `counters` of a node are int32, one for each counter it has; `step` is an int32 number, steps taken by the whole;
   `scheduled` is float32 or float64, a value for each hyperparameter that the trainer computes. Where XLA has given
   a result the operand's memory nothing is copied.

   The two return an XLA_FFI_Error and take an XLA_FFI_CallFrame; this header knows neither. */
#ifndef C_HOST_XLA_H
#define C_HOST_XLA_H

#include "optplug_host.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct optplug_host_xla_options {
  uint32_t struct_size;
  uint32_t scheduled_count;
  uint64_t number;                   /* any that is not taken */
  optplug_host_optimizer *optimizer; /* that has taken no step; used by the calls alone until the number is closed */
  optplug_span parameters;           /* those of optplug_host_open: needed until the call returns, and row-major */
  const uint32_t *scheduled;         /* hyperparameters that an operand holds, as optplug_host_set counts them */
} optplug_host_xla_options;
#define OPTPLUG_HOST_XLA_OPTIONS_SIZE_1_0 48u
OPTPLUG_ASSERT(host_xla_options, sizeof(optplug_host_xla_options) == OPTPLUG_HOST_XLA_OPTIONS_SIZE_1_0);

/* Gives an optimizer its number.  Any thread. */
OPTPLUG_EXPORT optplug_status optplug_host_xla_open(const optplug_host_xla_options *options, optplug_error *error);
/* Takes the number back, when a call that runs has ended; later calls fail and say why.  The optimizer stays with its
   owner.  A number that is not there is ignored.  Any thread. */
OPTPLUG_EXPORT void optplug_host_xla_close(uint64_t number);

OPTPLUG_EXPORT void *optplug_host_xla_init(void *call_frame);
OPTPLUG_EXPORT void *optplug_host_xla_step(void *call_frame);
/* To be registered for other devices: says that there is no implementation. */
OPTPLUG_EXPORT void *optplug_host_xla_refuse(void *call_frame);

#ifdef __cplusplus
}
#endif
#endif /* C_HOST_XLA_H */
