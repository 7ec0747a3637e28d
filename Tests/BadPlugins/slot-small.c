/* The request for a slot ends before its initial value. */
#define PLAN slot.struct_size = 40;
#include "bad.h"
