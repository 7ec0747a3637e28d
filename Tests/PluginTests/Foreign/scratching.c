/* Fills its working memory with a value of its own, works for a while, and fails if a byte of it has changed or if the
   memory is not as it was asked for: FIXED bytes and PER_ELEMENT for each element. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "optplug.h"

#ifndef FIXED
#define FIXED 100
#endif
#ifndef PER_ELEMENT
#define PER_ELEMENT 3
#endif

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  return plan->set_scratch(plan, FIXED, PER_ELEMENT);
}

static optplug_status wrong(optplug_error *error, const char *message, uint64_t number) {
  if (error) snprintf(error->message, error->message_capacity, message, (unsigned long long)number);
  return OPTPLUG_INTERNAL;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self;
  uint64_t elements = 0;
  unsigned char mark = 1;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    elements += (uint64_t)piece->count;
    mark = (unsigned char)(mark * 31 + piece->parameter_index * 7 + (uint64_t)piece->offset / 3);
  }
  const uint64_t size = FIXED + PER_ELEMENT * elements;
  if (FIXED + PER_ELEMENT == 0 && frame->scratch) return wrong(error, "working memory that nobody asked for", 0);
  if (FIXED + PER_ELEMENT != 0 && !frame->scratch) return wrong(error, "no working memory of %llu bytes", size);
  if ((uintptr_t)frame->scratch % 64 != 0) return wrong(error, "working memory at no multiple of 64", 0);
  if (frame->scratch_size != size)
    return wrong(error, "working memory is not of %llu bytes", size);
  if (size > 0) memset(frame->scratch, mark, size);
  volatile double busy = 0;
  for (int i = 0; i < 2000; i++) busy += i;
  for (uint64_t i = 0; i < size; i++)
    if (((unsigned char *)frame->scratch)[i] != mark) return wrong(error, "byte %llu was written by another", i);
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    for (int64_t i = 0; i < piece->count; i++)
      if (frame->dtype.bits == 32)
        ((float *)piece->parameter)[i] += 1;
      else
        ((double *)piece->parameter)[i] += 1;
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer scratching = {
    .struct_size = sizeof scratching, .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64,
    .name = "scratching", .version = "0.1", .summary = "Checks its working memory.", .plan = plan, .step = step};
static const optplug_optimizer *const optimizers[] = {&scratching};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
