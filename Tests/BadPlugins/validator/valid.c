/* No fault at all. */
#include "valid.h"
