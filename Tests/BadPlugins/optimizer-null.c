/* The only optimizer is NULL. */
#define LIBRARY .optimizers = (const optplug_optimizer *const[]){NULL}
#include "bad.h"
