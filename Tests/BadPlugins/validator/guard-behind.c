/* A step reads the element behind the last. */
#define SEGMENT(T) \
  volatile T next = p[count]; \
  (void)next;
#include "valid.h"
