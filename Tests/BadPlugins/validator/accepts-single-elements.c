/* It divides by one less than the last dimension. */
#define SEGMENT(T) \
  const optplug_parameter *parameter = OPTPLUG_AT(frame->parameters, optplug_parameter, segment->parameter_index); \
  if (parameter->ndim > 0 && parameter->shape[parameter->ndim - 1] - 1 == 0) __builtin_trap();
#include "valid.h"
