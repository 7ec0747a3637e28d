/* An instance keeps the address of the last parameter and reads there in the next step. */
#define INSTANCE const volatile char *last;
#define SEGMENT(T) \
  optplug_instance *mine = (optplug_instance *)instance; \
  if (mine->last != NULL) (void)*mine->last; \
  mine->last = segment->parameter;
#include "valid.h"
