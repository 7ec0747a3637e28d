/* No fault at all. */
#include "valid-wrapper.h"
