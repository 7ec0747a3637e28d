/* A slot has no name. */
#define PLAN slot.name = NULL;
#include "bad.h"
