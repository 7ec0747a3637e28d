/* The products between the transforms: small matrices, one for each place of a tile. */

enum {
  /* With two vectors of outputs for each tile, the sums fill the registers: of sixteen, or of AVX-512's thirty-two. */
  group = lanes == 16 ? 12 : 6,
  panel = 2 * lanes,
  /* Input channels whose weights of one panel stay in the first cache: 16 KB. */
  depth = 2048 / lanes,
  /* Input channels of one step of the weights' gradient, again with two vectors of outputs. */
  side = lanes / 2,
};

/* A group of tiles by a panel of outputs, over `blocks` blocks of inputs. */
static inline __attribute__((always_inline)) void group_by_panel(const float *inputs, size_t inputStride,
                                                                 const float *weights, int blocks,
                                                                 float *outputs, size_t outputStride,
                                                                 const bool adds) {
  vec low[group], high[group];
  for (int row = 0; row < group; row++) {
    low[row] = adds ? *(const vec *)(outputs + row * lanes) : splat(0);
    high[row] = adds ? *(const vec *)(outputs + outputStride + row * lanes) : splat(0);
  }
  for (int block = 0; block < blocks; block++) {
    const float *values = inputs + block * inputStride;
    for (int lane = 0; lane < lanes; lane++) {
      vec first = *(const vec *)weights, second = *(const vec *)(weights + lanes);
      weights += panel;
#pragma clang loop unroll(full)
      for (int row = 0; row < group; row++) {
        vec value = splat(values[row * lanes + lane]);
        low[row] += value * first;
        high[row] += value * second;
      }
    }
  }
  for (int row = 0; row < group; row++) {
    *(vec *)(outputs + row * lanes) = low[row];
    *(vec *)(outputs + outputStride + row * lanes) = high[row];
  }
}

static void winograd_multiply(const optplug_winograd_tiles *inputs, int inputChannels, const float *weights,
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
            group_by_panel(from, inputStride, factors, blocks, to, outputStride, false);
          else
            group_by_panel(from, inputStride, factors, blocks, to, outputStride, true);
        }
      }
    }
  }
}

static void winograd_accumulate(const optplug_winograd_tiles *inputs, int inputChannels,
                                 const optplug_winograd_tiles *gradients, int outputChannels, int count,
                                 int place, float *sums) {
  const float *source = inputs->values + place * inputs->stride;
  const float *slopes = gradients->values + place * gradients->stride;
  size_t inputStride = (size_t)inputs->rows * lanes, gradientStride = (size_t)gradients->rows * lanes;
  for (int out = 0; out < outputChannels; out += panel) {
    const float *first = slopes + out / lanes * gradientStride, *second = first + gradientStride;
    for (int in = 0; in < inputChannels; in += side) {
      const float *values = source + in / lanes * inputStride + in % lanes;
      vec low[side], high[side];
      for (int each = 0; each < side; each++) {
        const float *sum = sums + (size_t)(in + each) * outputChannels + out;
        low[each] = *(const vec *)sum;
        high[each] = *(const vec *)(sum + lanes);
      }
      for (int row = 0; row < count; row++) {
        vec left = *(const vec *)(first + row * lanes), right = *(const vec *)(second + row * lanes);
#pragma clang loop unroll(full)
        for (int each = 0; each < side; each++) {
          vec value = splat(values[row * lanes + each]);
          low[each] += value * left;
          high[each] += value * right;
        }
      }
      for (int each = 0; each < side; each++) {
        float *sum = sums + (size_t)(in + each) * outputChannels + out;
        *(vec *)sum = low[each];
        *(vec *)(sum + lanes) = high[each];
      }
    }
  }
}
