/* SOFTMAX */
#include "tq_reference.h"

#include <float.h>
#include <math.h>

#include "tq_fixed_point.h"
#include "tq_reciprocal.h"
#include "tq_tables.h"

void tq_softmax_f32(const void *params) {
  const tq_softmax_f32_params *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    float maximum = -FLT_MAX;
    for (int32_t i = 0; i < p->depth; ++i) {
      if (input[i] > maximum) {
        maximum = input[i];
      }
    }
    float sum = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) {
      output[i] = expf((input[i] - maximum) * p->beta);
      sum += output[i];
    }
    for (int32_t i = 0; i < p->depth; ++i) {
      output[i] = output[i] / sum;
    }
    input += p->depth;
    output += p->depth;
  }
}

static inline int32_t exponential(const tq_softmax_s8_params *p, int32_t below_maximum) {
  return below_maximum < p->exp_count ? p->exp_table[below_maximum] : 0;
}

void tq_softmax_s8(const void *params) {
  const tq_softmax_s8_params *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t maximum = INT8_MIN;
    for (int32_t i = 0; i < p->depth; ++i) {
      if (input[i] > maximum) {
        maximum = input[i];
      }
    }
    uint32_t sum = 0; /* Q12.19 */
    for (int32_t i = 0; i < p->depth; ++i) {
      sum += (uint32_t)tq_divide_by_power_of_two(exponential(p, maximum - input[i]), 12);
    }
    /* sum = (1 + x) * 2^(31 - headroom) */
    const int32_t headroom = __builtin_clz(sum);
    const int32_t reciprocal =
        tq_one_over_one_plus_x((int32_t)((sum << headroom) - (UINT32_C(1) << 31)));
    const int32_t right_shift = 12 - headroom + 31 - 8;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t product = tq_multiply_high(reciprocal, exponential(p, maximum - input[i]));
      const int32_t value = tq_divide_by_power_of_two(product, right_shift) + INT8_MIN;
      output[i] = (int8_t)tq_clamp(value, INT8_MIN, INT8_MAX);
    }
    input += p->depth;
    output += p->depth;
  }
}

void tq_softmax_s16(const void *params) {
  const tq_softmax_s16_params *p = params;
  const int16_t *input = p->input;
  int16_t *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t maximum = INT16_MIN;
    for (int32_t i = 0; i < p->depth; ++i) {
      if (input[i] > maximum) {
        maximum = input[i];
      }
    }
    uint32_t sum = 0; /* Q16.15 */
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t scaled = tq_scale(input[i] - maximum, p->multiplier, p->shift);
      output[i] = tq_interpolate_s16(tq_exp_table_s16, tq_clamp(scaled + 32767, -32768, 32767));
      sum += (uint32_t)output[i];
    }
    /* sum = (1 + x) * 2^(31 - headroom); x in Q0.16, then centred on 0. */
    const int32_t headroom = __builtin_clz(sum);
    const int32_t one_plus_x = (int32_t)(((sum << (headroom - 1)) + (1u << 13)) >> 14);
    const int32_t x = tq_clamp(one_plus_x - (1 << 16) - (1 << 15), -32768, 32767);
    const int32_t reciprocal = tq_interpolate_s16(tq_one_over_one_plus_x_table_s16, x);
    const int32_t right_shift = 31 - headroom;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t value = (output[i] * reciprocal + (1 << (right_shift - 1))) >> right_shift;
      output[i] = (int16_t)tq_clamp(value, 0, INT16_MAX);
    }
    input += p->depth;
    output += p->depth;
  }
}
