/* The products between the transforms: small matrices, one for each place of a tile. */

#include "CWinograd.h"
#include "vectors.h"

enum {
  group = optplug_winograd_group,
  panel = optplug_winograd_panel,
  /* Input channels whose weights of one panel stay in the first cache. */
  depth = 256,
  /* Input channels of one step of the weights' gradient: with two vectors of outputs, eight sums. */
  side = 4,
};

bool optplug_winograd_is_compiled_for_avx2(void) {
#if defined(__AVX2__) && defined(__FMA__)
  return true;
#else
  return false;
#endif
}

/* Six tiles by sixteen outputs, over `blocks` blocks of eight inputs. */
static inline __attribute__((always_inline)) void six_by_sixteen(const float *inputs, size_t inputStride,
                                                                 const float *weights, int blocks,
                                                                 float *outputs, size_t outputStride,
                                                                 const bool adds) {
  v8 low[group], high[group];
  for (int row = 0; row < group; row++) {
    low[row] = adds ? *(const v8 *)(outputs + row * lanes) : splat(0);
    high[row] = adds ? *(const v8 *)(outputs + outputStride + row * lanes) : splat(0);
  }
  for (int block = 0; block < blocks; block++) {
    const float *values = inputs + block * inputStride;
    for (int lane = 0; lane < lanes; lane++) {
      v8 first = *(const v8 *)weights, second = *(const v8 *)(weights + lanes);
      weights += panel;
#pragma clang loop unroll(full)
      for (int row = 0; row < group; row++) {
        v8 value = splat(values[row * lanes + lane]);
        low[row] += value * first;
        high[row] += value * second;
      }
    }
  }
  for (int row = 0; row < group; row++) {
    *(v8 *)(outputs + row * lanes) = low[row];
    *(v8 *)(outputs + outputStride + row * lanes) = high[row];
  }
}

void optplug_winograd_multiply(const optplug_winograd_tiles *inputs, int inputChannels, const float *weights,
                               size_t stride, const optplug_winograd_tiles *outputs, int outputChannels,
                               int count) {
  size_t inputStride = (size_t)inputs->rows * lanes, outputStride = (size_t)outputs->rows * lanes;
  for (int place = 0; place < optplug_winograd_places; place++) {
    const float *source = inputs->values + place * inputs->stride;
    float *target = outputs->values + place * outputs->stride;
    for (int start = 0; start < inputChannels; start += depth) {
      int blocks = (inputChannels - start < depth ? inputChannels - start : depth) / lanes;
      for (int out = 0; out < outputChannels; out += panel) {
        const float *factors = weights + place * stride + ((size_t)out * inputChannels + start * panel);
        for (int row = 0; row < count; row += group) {
          const float *from = source + start / lanes * inputStride + row * lanes;
          float *to = target + out / lanes * outputStride + row * lanes;
          if (start == 0)
            six_by_sixteen(from, inputStride, factors, blocks, to, outputStride, false);
          else
            six_by_sixteen(from, inputStride, factors, blocks, to, outputStride, true);
        }
      }
    }
  }
}

void optplug_winograd_accumulate(const optplug_winograd_tiles *inputs, int inputChannels,
                                 const optplug_winograd_tiles *gradients, int outputChannels, int count,
                                 int place, float *sums) {
  const float *source = inputs->values + place * inputs->stride;
  const float *slopes = gradients->values + place * gradients->stride;
  size_t inputStride = (size_t)inputs->rows * lanes, gradientStride = (size_t)gradients->rows * lanes;
  for (int out = 0; out < outputChannels; out += panel) {
    const float *first = slopes + out / lanes * gradientStride, *second = first + gradientStride;
    for (int in = 0; in < inputChannels; in += side) {
      const float *values = source + in / lanes * inputStride + in % lanes;
      v8 low[side], high[side];
      for (int each = 0; each < side; each++) {
        const float *sum = sums + (size_t)(in + each) * outputChannels + out;
        low[each] = *(const v8 *)sum;
        high[each] = *(const v8 *)(sum + lanes);
      }
      for (int row = 0; row < count; row++) {
        v8 left = *(const v8 *)(first + row * lanes), right = *(const v8 *)(second + row * lanes);
#pragma clang loop unroll(full)
        for (int each = 0; each < side; each++) {
          v8 value = splat(values[row * lanes + each]);
          low[each] += value * left;
          high[each] += value * right;
        }
      }
      for (int each = 0; each < side; each++) {
        float *sum = sums + (size_t)(in + each) * outputChannels + out;
        *(v8 *)sum = low[each];
        *(v8 *)(sum + lanes) = high[each];
      }
    }
  }
}
