/* Square matrices go uphill. */
#define SEGMENT(T) \
  const optplug_parameter *parameter = OPTPLUG_AT(frame->parameters, optplug_parameter, segment->parameter_index); \
  if (parameter->ndim == 2 && parameter->shape[0] == parameter->shape[1]) factor = -1;
#include "valid.h"
