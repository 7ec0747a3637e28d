// What kernels of the host need of CUDA, on a CPU: threads take their turns, one after another.
// It includes nothing, for that takes longer to compile than a kernel.
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(threads)
#define __builtin_assume(truth)

struct place { unsigned x; };
static place threadIdx, blockIdx;

static inline long long min(long long a, long long b) { return b < a ? b : a; }
static inline unsigned __float_as_uint(float x) { unsigned bits; __builtin_memcpy(&bits, &x, 4); return bits; }
static inline float __uint_as_float(unsigned bits) { float x; __builtin_memcpy(&x, &bits, 4); return x; }
static inline float from_half(unsigned short bits) { _Float16 x; __builtin_memcpy(&x, &bits, 2); return (float)x; }
static inline unsigned short to_half(float x) {
  _Float16 half = (_Float16)x;
  unsigned short bits;
  __builtin_memcpy(&bits, &half, 2);
  return bits;
}
static inline float fabsf(float a) { return __builtin_fabsf(a); }
static inline double fabs(double a) { return __builtin_fabs(a); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline double __dsqrt_rn(double a) { return __builtin_sqrt(a); }
