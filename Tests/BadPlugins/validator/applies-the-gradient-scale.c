/* It promises to multiply by the gradient scale and does not. */
#define SEGMENT(T) scale = 1;
#include "valid.h"
