/* Tiles of images into the domain where convolution is a product, and back. */

/* B^T x for six values. */
static inline __attribute__((always_inline)) void input(vec x0, vec x1, vec x2, vec x3, vec x4, vec x5, vec *y,
                                                        int step) {
  vec even = x4 - B * B * x2, odd = A * (x3 - B * B * x1);
  vec even2 = x4 - A * A * x2, odd2 = B * (x3 - A * A * x1);
  y[0 * step] = A * A * B * B * x0 - (A * A + B * B) * x2 + x4;
  y[1 * step] = even + odd;
  y[2 * step] = even - odd;
  y[3 * step] = even2 + odd2;
  y[4 * step] = even2 - odd2;
  y[5 * step] = A * A * B * B * x1 - (A * A + B * B) * x3 + x5;
}

/* The transposed of `output`: m values become six. */
static inline __attribute__((always_inline)) void spread(const vec *x, int m, vec *y, int step) {
  vec even = x[0], odd = A * x[1], even2 = x[0], odd2 = B * x[1];
  if (m == 4) {
    even += A * A * x[2];
    odd += A * A * A * x[3];
    even2 += B * B * x[2];
    odd2 += B * B * B * x[3];
  }
  y[0 * step] = x[0];
  y[1 * step] = even + odd;
  y[2 * step] = even - odd;
  y[3 * step] = even2 + odd2;
  y[4 * step] = even2 - odd2;
  y[5 * step] = x[m - 1];
}

/* A^T x: six values become m. */
static inline __attribute__((always_inline)) void output(const vec *x, int from, int m, vec *y) {
  vec sum = x[1 * from] + x[2 * from], difference = x[1 * from] - x[2 * from];
  vec sum2 = x[3 * from] + x[4 * from], difference2 = x[3 * from] - x[4 * from];
  y[0] = x[0] + sum + sum2;
  y[1] = A * difference + B * difference2;
  if (m == 4) {
    y[2] = A * A * sum + B * B * sum2;
    y[3] = A * A * A * difference + B * B * B * difference2;
  }
  y[m - 1] += x[5 * from];
}

/* Where a tile lies. */
typedef struct {
  int image, top, left;
} place;

static inline place find(const optplug_winograd_images *images, int number) {
  int perImage = images->down * images->across, within = number % perImage;
  return (place){number / perImage, within / images->across * images->step - images->padding,
                 within % images->across * images->step - images->padding};
}

static inline float *plane(const optplug_winograd_images *images, int image, int block) {
  size_t blocks = (size_t)images->channels / lanes;
  return images->values + ((size_t)image * blocks + block) * images->height * images->width * lanes;
}

/* Copies side x side places, with zeros for those outside of the image. */
static inline __attribute__((always_inline)) void gather(const optplug_winograd_images *images,
                                                         const float *source, place at, int side, vec *to) {
  int height = images->height, width = images->width;
  if (at.top >= 0 && at.left >= 0 && at.top + side <= height && at.left + side <= width) {
    for (int row = 0; row < side; row++) {
      const vec *line = (const vec *)(source + ((size_t)(at.top + row) * width + at.left) * lanes);
      for (int column = 0; column < side; column++) to[row * side + column] = line[column];
    }
    return;
  }
  for (int row = 0; row < side; row++) {
    int y = at.top + row;
    for (int column = 0; column < side; column++) {
      int x = at.left + column;
      to[row * side + column] = y >= 0 && y < height && x >= 0 && x < width
                                    ? *(const vec *)(source + ((size_t)y * width + x) * lanes)
                                    : splat(0);
    }
  }
}

static void winograd_input(const optplug_winograd_images *images, int first, int count,
                            const optplug_winograd_tiles *tiles, int at) {
  for (int block = 0; block < images->channels / lanes; block++) {
    for (int number = 0; number < count; number++) {
      place from = find(images, first + number);
      vec x[tile * tile], y[tile * tile];
      gather(images, plane(images, from.image, block), from, tile, x);
      for (int column = 0; column < tile; column++)
        input(x[column], x[6 + column], x[12 + column], x[18 + column], x[24 + column], x[30 + column],
              y + column, tile);
      float *to = tiles->values + ((size_t)block * tiles->rows + at + number) * lanes;
      for (int row = 0; row < tile; row++) {
        const vec *line = y + row * tile;
        vec z[tile];
        input(line[0], line[1], line[2], line[3], line[4], line[5], z, 1);
        for (int column = 0; column < tile; column++)
          *(vec *)(to + (row * tile + column) * tiles->stride) = z[column];
      }
    }
  }
}

static inline __attribute__((always_inline)) void gradient(const optplug_winograd_images *images, const int m,
                                                           int first, int count,
                                                           const optplug_winograd_tiles *tiles, int at) {
  for (int block = 0; block < images->channels / lanes; block++) {
    for (int number = 0; number < count; number++) {
      place from = find(images, first + number);
      vec x[4 * 4], columns[4 * tile], y[tile];
      gather(images, plane(images, from.image, block), from, m, x);
      for (int row = 0; row < m; row++) spread(x + row * m, m, columns + row, 4);
      float *to = tiles->values + ((size_t)block * tiles->rows + at + number) * lanes;
      for (int column = 0; column < tile; column++) {
        spread(columns + column * 4, m, y, 1);
        for (int row = 0; row < tile; row++) *(vec *)(to + (row * tile + column) * tiles->stride) = y[row];
      }
    }
  }
}

static void winograd_gradient(const optplug_winograd_images *images, int m, int first, int count,
                               const optplug_winograd_tiles *tiles, int at) {
  if (m == 4)
    gradient(images, 4, first, count, tiles, at);
  else
    gradient(images, 2, first, count, tiles, at);
}

static inline __attribute__((always_inline)) void outputs(const optplug_winograd_tiles *tiles, const int m,
                                                          const optplug_winograd_images *images, int first,
                                                          int count, const float *bias) {
  int height = images->height, width = images->width;
  for (int block = 0; block < images->channels / lanes; block++) {
    vec shift = bias ? *(const vec *)(bias + block * lanes) : splat(0);
    for (int number = 0; number < count; number++) {
      place to = find(images, first + number);
      const float *from = tiles->values + ((size_t)block * tiles->rows + number) * lanes;
      vec x[tile * tile], columns[4 * tile], y[4];
      for (int each = 0; each < tile * tile; each++) x[each] = *(const vec *)(from + each * tiles->stride);
      for (int column = 0; column < tile; column++) {
        output(x + column, tile, m, y);
        for (int row = 0; row < m; row++) columns[row * tile + column] = y[row];
      }
      float *target = plane(images, to.image, block);
      int rows = height - to.top < m ? height - to.top : m;
      int across = width - to.left < m ? width - to.left : m;
      for (int row = 0; row < rows; row++) {
        output(columns + row * tile, 1, m, y);
        vec *line = (vec *)(target + ((size_t)(to.top + row) * width + to.left) * lanes);
        for (int column = 0; column < across; column++) line[column] = y[column] + shift;
      }
    }
  }
}

static void winograd_output(const optplug_winograd_tiles *tiles, int m, const optplug_winograd_images *images,
                             int first, int count, const float *bias) {
  if (m == 4)
    outputs(tiles, 4, images, first, count, bias);
  else
    outputs(tiles, 2, images, first, count, bias);
}
