/* Convolution with fewer multiplications: transforms and products on images in blocks of eight channels. */
#ifndef CWINOGRAD_H
#define CWINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

/* Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural Networks" (https://arxiv.org/abs/1509.09308).
   A tile of 6x6 inputs gives m x m outputs of an r x r window, m + r = 7: 36 products a pair of channels where the
   definition has m*m*r*r. Both pairs (m, r) here, (4, 3) and (2, 5), interpolate at the same points, so they share the
   transform of the input. Outputs differ from exact ones by some 1e-6 of their size.

   Nothing here allocates or starts threads; callers split tiles, panels or places among their own threads, and
   the bits do not depend on how. Channels are multiples of 16. */

enum {
  /* Places of a transformed tile. */
  optplug_winograd_places = 36,
  /* Tiles are multiplied in groups: rows of transformed tiles are a multiple of it. */
  optplug_winograd_group = 6,
  /* Outputs side by side in transformed weights. */
  optplug_winograd_panel = 16,
};

/* Whether the compiler was allowed vectors of eight floats and fused multiply-add: without, all is right but slow. */
bool optplug_winograd_is_compiled_for_avx2(void);

/* Images as [image][channels / 8][row][column][8], cut into tiles; tiles are counted image by image, row by row. */
typedef struct {
  float *values;
  int channels, height, width;
  /* Rows and columns between the origins of two tiles. */
  int step;
  /* Rows and columns of zeros above and to the left: where the first tile begins. */
  int padding;
  /* Tiles of one image, down and across. */
  int down, across;
} optplug_winograd_images;

/* Transformed tiles as [place][channels / 8][rows][8]. */
typedef struct {
  float *values;
  /* Floats from place to place. */
  size_t stride;
  int rows;
} optplug_winograd_tiles;

/* The tiles' inputs, transformed: tiles first ..< first + count go to rows at ..< at + count. */
void optplug_winograd_input(const optplug_winograd_images *images, int first, int count,
                            const optplug_winograd_tiles *tiles, int at);

/* m x m gradients of outputs a tile, transformed as the gradient of the weights needs them. */
void optplug_winograd_gradient(const optplug_winograd_images *images, int m, int first, int count,
                               const optplug_winograd_tiles *tiles, int at);

/* From rows 0 ..< count of `tiles` to m x m outputs a tile, plus a bias for each channel unless it is NULL. */
void optplug_winograd_output(const optplug_winograd_tiles *tiles, int m, const optplug_winograd_images *images,
                             int first, int count, const float *bias);

/* Weights [outputs][inputs][r][r] to [place][outputs / 16][inputs][16], panels first ..< last. `turned`: the
   weights of the convolution that gives the input's gradient, of weights [inputs][outputs][r][r]. */
void optplug_winograd_weights(const float *weights, int outputs, int inputs, int r, bool turned, float *result,
                              size_t stride, int first, int last);

/* The gradient of the weights, from sums [place][inputs][outputs], for inputs first ..< last. */
void optplug_winograd_weight_gradient(const float *sums, size_t stride, int outputs, int inputs, int r,
                                      float *gradient, int first, int last);

/* outputs[place][row] = inputs[place][row] times weights[place], for rows 0 ..< count. */
void optplug_winograd_multiply(const optplug_winograd_tiles *inputs, int inputChannels, const float *weights,
                               size_t stride, const optplug_winograd_tiles *outputs, int outputChannels,
                               int count);

/* sums[input][output] += the products of inputs and gradients over rows 0 ..< count, for one place. */
void optplug_winograd_accumulate(const optplug_winograd_tiles *inputs, int inputChannels,
                                 const optplug_winograd_tiles *gradients, int outputChannels, int count,
                                 int place, float *sums);

#endif
