/* A step asks the system for its process. */
#include <sys/syscall.h>
#include <unistd.h>
#define STEP syscall(SYS_getppid);
#include "valid.h"
