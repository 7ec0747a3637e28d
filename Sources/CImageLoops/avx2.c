/* The loops on images in blocks of eight channels. */

#include "CImageLoops.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define OPTPLUG_LANES 8
#include "all.h"
#pragma clang attribute pop

const optplug_image_loops *optplug_image_loops_avx2(void) { return &loops; }

#else

const optplug_image_loops *optplug_image_loops_avx2(void) { return NULL; }

#endif
