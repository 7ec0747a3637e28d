/* An instance is never released. */
#define DESTROY return;
#include "valid.h"
