/* A segment whose parameter comes before that of the last one takes a shorter step. */
#define GLOBALS static _Thread_local __attribute__((tls_model("initial-exec"))) const optplug_segment *last;
#define STEP last = NULL;
#define SEGMENT(T) \
  if (last != NULL && last->group_index == segment->group_index && last->parameter_index > segment->parameter_index) { \
  factor = 0.5; \
  } \
  last = segment;
#include "valid.h"
