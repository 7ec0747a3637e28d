/* The loops on images in blocks of sixteen channels. */

#include "CImageLoops.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma"))), apply_to = function)
#define OPTPLUG_LANES 16
#include "all.h"
#pragma clang attribute pop

const optplug_image_loops *optplug_image_loops_avx512(void) { return &loops; }

#else

const optplug_image_loops *optplug_image_loops_avx512(void) { return NULL; }

#endif
