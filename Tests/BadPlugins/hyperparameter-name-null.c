/* A hyperparameter has no name. */
#define HYPERPARAMETER .name = NULL
#include "bad.h"
