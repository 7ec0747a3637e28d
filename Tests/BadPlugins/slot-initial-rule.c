/* The rule of a slot's initial value is none of those defined. */
#define PLAN slot.initial = 3;
#include "bad.h"
