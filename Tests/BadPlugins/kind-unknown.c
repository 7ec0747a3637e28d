/* The kind of a hyperparameter is none of those defined. */
#define HYPERPARAMETER .kind = 4
#include "bad.h"
