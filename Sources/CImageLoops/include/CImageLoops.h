/* Loops of convolution and max-pooling on images in blocks of channels: where oneDNN 2.6 has none as fast. */
#ifndef CIMAGELOOPS_H
#define CIMAGELOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Convolution with fewer multiplications (Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural Networks",
   https://arxiv.org/abs/1509.09308). A tile of 6x6 inputs gives m x m outputs of an r x r window, m + r = 7: 36 products
   a pair of channels where the definition has m*m*r*r. Both pairs (m, r) here, (4, 3) and (2, 5), interpolate at the
   same points, so they share the transform of the input. Outputs differ from exact ones by some 1e-6 of their size.

   Nothing here allocates or starts threads; callers split tiles, panels, places or planes among their own threads,
   and the bits do not depend on how. */

/* Places of a transformed tile. */
enum { optplug_winograd_places = 36 };

/* Images as [image][channels / lanes][row][column][lanes], cut into tiles; tiles are counted image by image, row by
   row. */
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

/* Transformed tiles as [place][channels / lanes][rows][lanes]. */
typedef struct {
  float *values;
  /* Floats from place to place. */
  size_t stride;
  int rows;
} optplug_winograd_tiles;

/* Rows and columns of a plane. */
typedef struct {
  int height, width;
} optplug_extent;

/* A square window. */
typedef struct {
  int size, stride, padding;
} optplug_window;

/* What works on vectors of one length. Channels that are products' inputs are a multiple of `lanes`, those that are
   their outputs one of `panel`. */
typedef struct {
  /* Channels of a block. */
  int lanes;
  /* Tiles are multiplied in groups: rows of transformed tiles are a multiple of it. */
  int group;
  /* Outputs side by side in transformed weights. */
  int panel;

  /* The tiles' inputs, transformed: tiles first ..< first + count go to rows at ..< at + count. */
  void (*winograd_input)(const optplug_winograd_images *images, int first, int count,
                         const optplug_winograd_tiles *tiles, int at);

  /* m x m gradients of outputs a tile, transformed as the gradient of the weights needs them. */
  void (*winograd_gradient)(const optplug_winograd_images *images, int m, int first, int count,
                            const optplug_winograd_tiles *tiles, int at);

  /* From rows 0 ..< count of `tiles` to m x m outputs a tile, plus a bias for each channel unless it is NULL. */
  void (*winograd_output)(const optplug_winograd_tiles *tiles, int m, const optplug_winograd_images *images,
                          int first, int count, const float *bias);

  /* Weights [outputs][inputs][r][r] to [place][outputs / panel][inputs][panel], panels first ..< last. `turned`: the
     weights of the convolution that gives the input's gradient, of weights [inputs][outputs][r][r]. */
  void (*winograd_weights)(const float *weights, int outputs, int inputs, int r, bool turned, float *result,
                           size_t stride, int first, int last);

  /* The gradient of the weights, from sums [place][inputs][outputs], for inputs first ..< last. */
  void (*winograd_weight_gradient)(const float *sums, size_t stride, int outputs, int inputs, int r,
                                   float *gradient, int first, int last);

  /* outputs[place][row] = inputs[place][row] times weights[place], for rows 0 ..< count. */
  void (*winograd_multiply)(const optplug_winograd_tiles *inputs, int inputChannels, const float *weights,
                            size_t stride, const optplug_winograd_tiles *outputs, int outputChannels,
                            int count);

  /* sums[input][output] += the products of inputs and gradients over rows 0 ..< count, for one place. */
  void (*winograd_accumulate)(const optplug_winograd_tiles *inputs, int inputChannels,
                              const optplug_winograd_tiles *gradients, int outputChannels, int count, int place,
                              float *sums);

  /* sums[block][channels * r * r + 1][lanes] += the gradient of the weights, then of the bias, from one image.
     padded: [channels][height][width], the zeros around it included; gradient: [block][row][column][lanes] of the
     height - r + 1 rows and width - r + 1 columns of outputs; stride 1, r = 3 or 5. */
  void (*stem_gradient)(const float *padded, int channels, int height, int width, const float *gradient, int blocks,
                        int r, float *sums);

  /* Max-pooling of one plane [row][column][lanes]. `choices` gets the place within the window, row by row, windows
     having at most 256. The first of equal values wins, NaN wins over everything, padding never wins: as in
     PyTorch. */
  void (*max_pool)(const float *input, optplug_extent source, float *output, uint8_t *choices, optplug_extent target,
                   optplug_window window);

  /* Sends each output's gradient to the input that was chosen; windows may overlap. */
  void (*max_pool_gradient)(const float *gradient, const uint8_t *choices, optplug_extent target, float *result,
                            optplug_extent source, optplug_window window);
} optplug_image_loops;

/* For processors with AVX2 and fused multiply-add, and for those with AVX-512 (F, VL, BW and DQ), whatever the
   compiler may use elsewhere; NULL on other architectures. */
const optplug_image_loops *optplug_image_loops_avx2(void);
const optplug_image_loops *optplug_image_loops_avx512(void);

#endif
