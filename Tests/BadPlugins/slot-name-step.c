/* A slot has the name of the host's own counter. */
#define PLAN slot.name = "step";
#include "bad.h"
