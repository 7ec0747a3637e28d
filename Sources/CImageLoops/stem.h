/* The gradient of the weights of a convolution over few channels, as a network's first is. */

/* Adds one row of taps: `line` is the row of the padded image that the first row of outputs meets. */
static inline __attribute__((always_inline)) void row_of_taps(const float *line, int width, const float *gradient,
                                                              int height, int across, const int r, float *sums) {
  /* Even and odd columns: one sum would wait for its own last addition. Of one image alone: a running sum over all
     would lose digits. */
  vec even[5], odd[5];
  for (int tap = 0; tap < r; tap++) even[tap] = odd[tap] = splat(0);
  for (int y = 0; y < height; y++, line += width) {
    int x = 0;
    for (; x + 2 <= across; x += 2, gradient += 2 * lanes) {
      vec first = *(const vec *)gradient, second = *(const vec *)(gradient + lanes);
#pragma clang loop unroll(full)
      for (int tap = 0; tap < r; tap++) {
        even[tap] += splat(line[x + tap]) * first;
        odd[tap] += splat(line[x + 1 + tap]) * second;
      }
    }
    if (x < across) {
      for (int tap = 0; tap < r; tap++) even[tap] += splat(line[x + tap]) * *(const vec *)gradient;
      gradient += lanes;
    }
  }
  for (int tap = 0; tap < r; tap++) *(vec *)(sums + tap * lanes) += even[tap] + odd[tap];
}

static void stem_gradient(const float *padded, int channels, int height, int width, const float *gradient,
                          int blocks, int r, float *sums) {
  int down = height - r + 1, across = width - r + 1;
  for (int block = 0; block < blocks; block++, gradient += (size_t)down * across * lanes) {
    for (int channel = 0; channel < channels; channel++)
      for (int row = 0; row < r; row++, sums += r * lanes) {
        const float *line = padded + ((size_t)channel * height + row) * width;
        if (r == 3)
          row_of_taps(line, width, gradient, down, across, 3, sums);
        else
          row_of_taps(line, width, gradient, down, across, 5, sums);
      }
    vec total = splat(0);
    for (int place = 0; place < down * across; place++) total += *(const vec *)(gradient + place * lanes);
    *(vec *)sums += total;
    sums += lanes;
  }
}
