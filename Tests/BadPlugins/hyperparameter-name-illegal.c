/* A hyperparameter's name has a letter that no path could carry. */
#define HYPERPARAMETER .name = "base.lr"
#include "bad.h"
