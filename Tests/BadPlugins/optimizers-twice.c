/* Two optimizers have one name. */
#define LIBRARY .optimizer_count = 2, .optimizers = (const optplug_optimizer *const[]){&optimizer, &optimizer}
#include "bad.h"
