/* All parameters are updated with the values of the first group. */
#define SEGMENT(T) lr = (T)frame->hyperparameters[0][0];
#include "valid.h"
