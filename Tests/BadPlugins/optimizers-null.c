/* The library announces an optimizer and gives no table. */
#define LIBRARY .optimizers = NULL
#include "bad.h"
