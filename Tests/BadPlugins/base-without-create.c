/* The wrapper has no create that could take its base. */
#define OPTIMIZER .base_count = 1, .base_roles = (const char *const[]){"base"}, .create = NULL, .destroy = NULL
#include "bad.h"
