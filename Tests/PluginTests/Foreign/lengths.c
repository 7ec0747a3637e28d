/* Writes into every element how long its segment is: shows which parameters a host joins. */
#include <math.h>
#include <optplug.h>

static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    for (int64_t i = 0; i < piece->count; i++) ((float *)piece->parameter)[i] = (float)piece->count;
  }
  return OPTPLUG_OK;
}

static const optplug_optimizer joined = {
    .struct_size = sizeof joined, .name = "joined", .version = "1.0", .summary = "Takes joined parameters.",
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_JOINED_PARAMETERS, .step = step};
static const optplug_optimizer apart = {
    .struct_size = sizeof apart, .name = "apart", .version = "1.0", .summary = "Takes one parameter at a time.",
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32, .step = step};
static const optplug_optimizer tensors = {
    .struct_size = sizeof tensors, .name = "tensors", .version = "1.0", .summary = "Takes whole parameters.",
    .granularity = OPTPLUG_GRANULARITY_TENSOR,
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_JOINED_PARAMETERS, .step = step};
static const optplug_optimizer *const all[] = {&joined, &apart, &tensors};
static const optplug_library library = {.struct_size = sizeof library, .optimizer_count = 3, .optimizers = all};

OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out,
                                               optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
