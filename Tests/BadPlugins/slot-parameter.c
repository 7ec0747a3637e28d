/* A slot of a parameter that does not exist. */
#define PLAN parameter = 99;
#include "bad.h"
