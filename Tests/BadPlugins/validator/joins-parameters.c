/* It takes joined parameters, but no element behind the end of the first. */
#define SEGMENT(T) \
  const optplug_parameter *parameter = OPTPLUG_AT(frame->parameters, optplug_parameter, segment->parameter_index); \
  if (count > parameter->count - segment->offset) count = parameter->count - segment->offset;
#include "valid.h"
