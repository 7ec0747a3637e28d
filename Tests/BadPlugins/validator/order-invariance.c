/* Pieces that come from the back of a tensor to its front take shorter steps. */
#define GLOBALS static _Thread_local __attribute__((tls_model("initial-exec"))) struct { uint64_t step; uint32_t parameter; int64_t offset; int falls; } last;
#define SEGMENT(T) \
  int falls = last.step == frame->step && last.parameter == segment->parameter_index && segment->offset < last.offset; \
  last.falls = falls ? last.falls + 1 : 0; \
  last.step = frame->step; \
  last.parameter = segment->parameter_index; \
  last.offset = segment->offset; \
  if (last.falls >= 3) factor = 0.5;
#include "valid.h"
