/* A library is needed that not every system has. */
/* flags: -Wl,--no-as-needed -lz */
#include "valid.h"
