// Optimizers that compiled programs call by number.
#ifndef REGISTRY_H
#define REGISTRY_H

#include "CHostXLA.h"

#include <pthread.h>

/// One optimizer and what its calls need to know of it.
typedef struct xla_entry {
  struct xla_entry *next;
  uint64_t number;
  uint32_t uses;        // by the registry and by calls; guarded by the registry's lock
  pthread_mutex_t lock; // a call at a time; guards all below

  optplug_host_optimizer *optimizer; // NULL when closed
  optplug_host_view view;
  uint64_t step; // that the optimizer knows; UINT64_MAX: set it anew

  uint32_t parameter_count;
  struct xla_parameter {
    int64_t bytes;
    int32_t dtype; // XLA's number
    void *data;    // where it lies; NULL: nowhere yet
  } *parameters;
  const void **gradients; // room for a step's

  uint32_t array_count; // without counters
  struct xla_array {
    uint32_t place; // in view.arrays
    int64_t bytes;
    void *data;    // a slot: where it lies; NULL: in the library's memory
    void *initial; // of the model: what it starts as
  } *arrays;

  uint32_t *counter_counts; // per node

  uint32_t scheduled_count;
  struct xla_scheduled {
    uint32_t place;
    int is_set;
    double value;
  } *scheduled;
} xla_entry;

/// The entry of a number, to be given back; NULL when there is none.
xla_entry *xla_take(uint64_t number);
void xla_give_back(xla_entry *entry);

/// The array of the view behind a place.
static inline const optplug_host_array *xla_view_array(const xla_entry *entry, uint32_t place) {
  return OPTPLUG_AT(entry->view.arrays, optplug_host_array, place);
}

#endif // REGISTRY_H
