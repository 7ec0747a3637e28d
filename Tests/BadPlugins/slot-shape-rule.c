/* A slot's shape rule is none of those defined. */
#define PLAN slot.shape_rule = 9;
#include "bad.h"
