/* Max-pooling of one plane of a block of channels. */

typedef int32_t ivec __attribute__((vector_size(4 * OPTPLUG_LANES)));
typedef uint8_t bytes __attribute__((vector_size(OPTPLUG_LANES)));

static inline __attribute__((always_inline)) ivec choose(ivec where, ivec then, ivec otherwise) {
  return (where & then) | (~where & otherwise);
}

/* The window's rows or columns that lie on the image. */
typedef struct {
  int from, to;
} span;

static inline span on_image(int start, int size, int length) {
  return (span){start < 0 ? -start : 0, start + size > length ? length - start : size};
}

static inline __attribute__((always_inline)) void pool_place(const float *input, int width, span rows, span columns,
                                                             int size, float *output, uint8_t *choice) {
  vec best = splat(-INFINITY);
  ivec winner = (rows.from * size + columns.from) - (ivec){};
  for (int row = rows.from; row < rows.to; row++)
    for (int column = columns.from; column < columns.to; column++) {
      vec value = *(const vec *)(input + ((ptrdiff_t)row * width + column) * lanes);
      ivec wins = (value > best) | (value != value);
      best = (vec)choose(wins, (ivec)value, (ivec)best);
      winner = choose(wins, (row * size + column) - (ivec){}, winner);
    }
  *(vec *)output = best;
  *(bytes *)choice = __builtin_convertvector(winner, bytes);
}

static void max_pool(const float *input, optplug_extent source, float *output, uint8_t *choices,
                     optplug_extent target, optplug_window window) {
  for (int row = 0; row < target.height; row++) {
    int top = row * window.stride - window.padding;
    span rows = on_image(top, window.size, source.height);
    for (int column = 0; column < target.width; column++, output += lanes, choices += lanes) {
      int left = column * window.stride - window.padding;
      span columns = on_image(left, window.size, source.width);
      const float *corner = input + ((ptrdiff_t)top * source.width + left) * lanes;
      /* Two of the windows that networks have: with the bounds known, no loop is left. */
      bool whole = rows.from == 0 && columns.from == 0 && rows.to == window.size && columns.to == window.size;
      if (whole && window.size == 2)
        pool_place(corner, source.width, (span){0, 2}, (span){0, 2}, 2, output, choices);
      else if (whole && window.size == 3)
        pool_place(corner, source.width, (span){0, 3}, (span){0, 3}, 3, output, choices);
      else
        pool_place(corner, source.width, rows, columns, window.size, output, choices);
    }
  }
}

static inline __attribute__((always_inline)) void spread_place(const float *gradient, const uint8_t *choice,
                                                               float *result, int width, span rows, span columns,
                                                               int size) {
  vec slope = *(const vec *)gradient;
  ivec winner = __builtin_convertvector(*(const bytes *)choice, ivec);
  for (int row = rows.from; row < rows.to; row++)
    for (int column = columns.from; column < columns.to; column++) {
      vec *place = (vec *)(result + ((ptrdiff_t)row * width + column) * lanes);
      *place += (vec)((winner == (row * size + column) - (ivec){}) & (ivec)slope);
    }
}

static void max_pool_gradient(const float *gradient, const uint8_t *choices, optplug_extent target, float *result,
                              optplug_extent source, optplug_window window) {
  memset(result, 0, (size_t)source.height * source.width * lanes * sizeof(float));
  for (int row = 0; row < target.height; row++) {
    int top = row * window.stride - window.padding;
    span rows = on_image(top, window.size, source.height);
    for (int column = 0; column < target.width; column++, gradient += lanes, choices += lanes) {
      int left = column * window.stride - window.padding;
      span columns = on_image(left, window.size, source.width);
      float *corner = result + ((ptrdiff_t)top * source.width + left) * lanes;
      bool whole = rows.from == 0 && columns.from == 0 && rows.to == window.size && columns.to == window.size;
      if (whole && window.size == 2)
        spread_place(gradient, choices, corner, source.width, (span){0, 2}, (span){0, 2}, 2);
      else if (whole && window.size == 3)
        spread_place(gradient, choices, corner, source.width, (span){0, 3}, (span){0, 3}, 3);
      else
        spread_place(gradient, choices, corner, source.width, rows, columns, window.size);
    }
  }
}
