/* Elements are counted from the start of their tensor in 32 bits. */
#define SEGMENT(T) \
  int32_t first = (int32_t)segment->offset, end = (int32_t)(segment->offset + count); \
  count = end > first ? end - first : 0;
#include "valid.h"
