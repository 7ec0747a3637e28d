/* Weights into the domain where convolution is a product, and their gradients back. */

#define DA (2 * A * A * (A * A - B * B))
#define DB (2 * B * B * (B * B - A * A))

/* G: each row the powers of a point over what the point's Lagrange polynomial is divided by; the last is
   infinity's. Windows of 3 have the first three columns, with the last row's 1 in the third. */
static const float powers[5][5] = {
    {1 / (A * A * B * B), 0, 0, 0, 0},
    {1 / DA, A / DA, A *A / DA, A *A *A / DA, A *A *A *A / DA},
    {1 / DA, -A / DA, A *A / DA, -A *A *A / DA, A *A *A *A / DA},
    {1 / DB, B / DB, B *B / DB, B *B *B / DB, B *B *B *B / DB},
    {1 / DB, -B / DB, B *B / DB, -B *B *B / DB, B *B *B *B / DB},
};

static inline float factor(int row, int column, int r) {
  return row < 5 ? powers[row][column] : column == r - 1 ? 1 : 0;
}

static void winograd_weights(const float *weights, int outputs, int inputs, int r, bool turned, float *result,
                              size_t stride, int first, int last) {
  int window = r * r;
  for (int half = first * 2; half < last * 2; half++) {
    for (int in = 0; in < inputs; in++) {
      vec x[25], columns[tile * 5];
      for (int lane = 0; lane < lanes; lane++) {
        int out = half * lanes + lane;
        const float *from = weights + (turned ? (size_t)in * outputs + out : (size_t)out * inputs + in) * window;
        for (int each = 0; each < window; each++) x[each][lane] = from[turned ? window - 1 - each : each];
      }
      for (int row = 0; row < tile; row++)
        for (int column = 0; column < r; column++) {
          vec sum = splat(0);
          for (int each = 0; each < r; each++) sum += factor(row, each, r) * x[each * r + column];
          columns[row * r + column] = sum;
        }
      float *to = result + ((size_t)(half / 2) * inputs + in) * 2 * lanes + half % 2 * lanes;
      for (int row = 0; row < tile; row++)
        for (int column = 0; column < tile; column++) {
          vec sum = splat(0);
          for (int each = 0; each < r; each++) sum += factor(column, each, r) * columns[row * r + each];
          *(vec *)(to + (row * tile + column) * stride) = sum;
        }
    }
  }
}

static void winograd_weight_gradient(const float *sums, size_t stride, int outputs, int inputs, int r,
                                      float *gradient, int first, int last) {
  int window = r * r;
  for (int in = first; in < last; in++) {
    for (int out = 0; out < outputs; out += lanes) {
      vec columns[5 * tile];
      const float *from = sums + (size_t)in * outputs + out;
      for (int row = 0; row < r; row++)
        for (int column = 0; column < tile; column++) {
          vec sum = splat(0);
          for (int each = 0; each < tile; each++)
            sum += factor(each, row, r) * *(const vec *)(from + (each * tile + column) * stride);
          columns[row * tile + column] = sum;
        }
      for (int row = 0; row < r; row++)
        for (int column = 0; column < r; column++) {
          vec sum = splat(0);
          for (int each = 0; each < tile; each++) sum += factor(each, column, r) * columns[row * tile + each];
          for (int lane = 0; lane < lanes; lane++)
            gradient[((size_t)(out + lane) * inputs + in) * window + row * r + column] = sum[lane];
        }
    }
  }
}
