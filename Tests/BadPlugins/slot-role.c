/* A slot's role is none of those defined. */
#define PLAN slot.role = 4;
#include "bad.h"
