/* L2_NORMALIZATION */
#include "tq_reference.h"

#include <math.h>

#include "tq_fixed_point.h"
#include "tq_reciprocal.h"

#define EPSILON 1e-6f

/* 7 fraction bits of the output. */
#define OUTPUT_BITS 7

void tq_l2_normalization_f32(const void *params) {
  const tq_l2_normalization_f32_params *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    float sum = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) {
      sum += input[i] * input[i];
    }
    const float root = sqrtf(sum);
    const float norm = root < EPSILON ? EPSILON : root;
    for (int32_t i = 0; i < p->depth; ++i) {
      *output++ = *input++ / norm;
    }
  }
}

void tq_l2_normalization_s8(const void *params) {
  const tq_l2_normalization_s8_params *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t value = input[i] + p->input_offset;
      sum += value * value;
    }
    const tq_factor inverse = tq_inverse_sqrt(sum);
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t value = *input++ + p->input_offset;
      const int32_t scaled = tq_scale(value, inverse.multiplier, inverse.shift + OUTPUT_BITS);
      *output++ = (int8_t)tq_clamp(scaled, INT8_MIN, INT8_MAX);
    }
  }
}
