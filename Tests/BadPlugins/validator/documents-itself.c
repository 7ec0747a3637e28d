/* A hyperparameter does not say what it means. */
#define LR .doc = ""
#include "valid.h"
