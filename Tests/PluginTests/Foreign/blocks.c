/* Keeps, for each block of elements, the sum of its gradients' magnitudes in one slot and the number of its steps in
   another, and steps along the gradient divided by that sum. Compiled with -DBLOCK for blocks of another length. */
#include <math.h>
#include <stdio.h>

#include "optplug.h"

#ifndef BLOCK
#define BLOCK 100
#endif

static optplug_status plan(optplug_instance *self, const optplug_plan *plan, optplug_error *error) {
  (void)self, (void)error;
  const optplug_slot slots[] = {
      {.struct_size = sizeof slots[0], .name = "total", .shape_rule = OPTPLUG_SHAPE_PER_BLOCK,
       .dtype = {OPTPLUG_DTYPE_FLOAT, 64, 1}},
      {.struct_size = sizeof slots[0], .name = "steps", .shape_rule = OPTPLUG_SHAPE_PER_BLOCK,
       .dtype = {OPTPLUG_DTYPE_UINT, 8, 1}, .initial = OPTPLUG_INITIAL_CONSTANT, .initial_value = 7}};
  for (uint32_t i = 0; i < plan->parameters.count; i++)
    for (int slot = 0; slot < 2; slot++) {
      uint32_t index;
      optplug_status status = plan->add_slot(plan, i, &slots[slot], &index);
      if (status != OPTPLUG_OK) return status;
    }
  return OPTPLUG_OK;
}

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const double *g = piece->gradient;
    double *p = piece->parameter, *total = piece->slots[0];
    uint8_t *steps = piece->slots[1];
    const int64_t end = OPTPLUG_AT(frame->parameters, optplug_parameter, piece->parameter_index)->count;
    if (piece->offset % BLOCK != 0 || (piece->count % BLOCK != 0 && piece->offset + piece->count != end)) {
      if (error) snprintf(error->message, error->message_capacity, "a segment cuts a block");
      return OPTPLUG_INTERNAL;
    }
    for (int64_t start = 0, block = 0; start < piece->count; start += BLOCK, block++) {
      const int64_t stop = start + BLOCK < piece->count ? start + BLOCK : piece->count;
      for (int64_t i = start; i < stop; i++) total[block] += fabs(g[i]);
      steps[block] += 1;
      for (int64_t i = start; i < stop; i++) p[i] -= g[i] / total[block];
    }
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer blocks = {
    .struct_size = sizeof blocks, .granularity = OPTPLUG_GRANULARITY_BLOCK, .granularity_block = BLOCK,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT64, .name = "blocks", .version = "0.1", .summary = "Steps by blocks.",
    .plan = plan, .step = step};
static const optplug_optimizer *const optimizers[] = {&blocks};
static const optplug_library library = {
    .struct_size = sizeof library, .optimizer_count = 1, .optimizers = optimizers};

optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
