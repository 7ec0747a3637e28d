/* Parameters are walked by the size that they have today. */
#define SEGMENT(T) \
  const optplug_parameter *parameters = frame->parameters.data; \
  if (parameters[segment->parameter_index].ndim > 64) factor = 0.5;
#include "valid.h"
