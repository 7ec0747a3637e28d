/* Two bases have one name. */
#define OPTIMIZER .base_count = 2, .base_roles = (const char *const[]){"base", "base"}
#include "bad.h"
