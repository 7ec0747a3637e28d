// Conversions between 32-bit floats and those of 16 bits, as loops that vectorise.

#include "COptimizerHost.h"

#include <string.h>

void optimizer_host_from_bfloat16(const uint16_t *halves, float *floats, long count) {
  for (long i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)halves[i] << 16;
    memcpy(&floats[i], &bits, sizeof bits);
  }
}

void optimizer_host_to_bfloat16(const float *floats, uint16_t *halves, long count) {
  for (long i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &floats[i], sizeof bits);
    // To nearest, ties to even: half a unit less one, and one more where the kept part is odd. A value that is not a
    // number could round to infinity, so it stays one.
    uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40u;
    halves[i] = (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
  }
}

void optimizer_host_from_float16(const uint16_t *halves, float *floats, long count) {
  for (long i = 0; i < count; i++) {
    _Float16 half;
    memcpy(&half, &halves[i], sizeof half);
    floats[i] = (float)half;
  }
}

void optimizer_host_to_float16(const float *floats, uint16_t *halves, long count) {
  for (long i = 0; i < count; i++) {
    _Float16 half = (_Float16)floats[i];
    memcpy(&halves[i], &half, sizeof half);
  }
}
