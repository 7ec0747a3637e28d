/* A slot's name could not be told from a path. */
#define PLAN slot.name = "w/mean";
#include "bad.h"
