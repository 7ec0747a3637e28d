/* Making an instance ignores a signal. */
#include <signal.h>
#define CREATE signal(SIGUSR1, SIG_IGN);
#include "valid.h"
