/* The optimizer's name has 64 bytes. */
#define OPTIMIZER .name = "abcdefghijklmnopabcdefghijklmnopabcdefghijklmnopabcdefghijklmnop"
#include "bad.h"
