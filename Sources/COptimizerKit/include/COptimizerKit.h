/* What OptimizerKit needs of C: libm, correctly rounded square roots that vectorise, and the plugin's note. */
#ifndef C_OPTIMIZER_KIT_H
#define C_OPTIMIZER_KIT_H

/* The standard library's sqrt may set errno, which keeps a loop from being vectorised; these never do. */
static inline float optimizer_kit_sqrtf(float x) { return __builtin_elementwise_sqrt(x); }
static inline double optimizer_kit_sqrt(double x) { return __builtin_elementwise_sqrt(x); }

/* x to the power y, as C's pow. */
static inline double optimizer_kit_pow(double x, double y) { return __builtin_pow(x, y); }

#endif
