/* The first dimension is looked at before it is known whether there is one. */
#define PLAN \
  volatile int64_t rows = parameter->shape[0]; \
  (void)rows;
#include "valid.h"
