/* LOG_SOFTMAX */
#include "tq_reference.h"

#include <float.h>
#include <math.h>

#include "tq_fixed_point.h"
#include "tq_reciprocal.h"

void tq_log_softmax_f32(const void *params) {
  const tq_l2_normalization_f32_params *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    float maximum = -FLT_MAX;
    for (int32_t i = 0; i < p->depth; ++i) {
      maximum = maximum < input[i] ? input[i] : maximum;
    }
    float sum = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) {
      sum += expf(input[i] - maximum);
    }
    const float log_sum = logf(sum);
    for (int32_t i = 0; i < p->depth; ++i) {
      *output++ = *input++ - maximum - log_sum;
    }
  }
}

/*
 * log(x) in Q5.26 for x >= 1 in Q12.19. x = 2^k * r; of k rounded down and k rounded down half a
 * step later the one with the smaller r in [1/2, 1) is taken, and log(r) is a quotient of
 * polynomials in (r - 2^(-1/4)).
 */
static int32_t logarithm(int32_t x) {
  const int32_t log_2 = 1488522236;
  const int32_t sqrt_half = 1518500250;
  const int32_t sqrt_sqrt_half = 1805811301;
  const int32_t alpha_n = 117049297;  /* 11/240 * 2^(1/4) */
  const int32_t alpha_d = 127690142;  /* 1/20 * 2^(1/4) */
  const int32_t alpha_i = 1057819769; /* 2 / 2^(1/4) - 2^(1/4) */
  const int32_t alpha_f = 638450708;  /* 1/4 * 2^(1/4) */
  const int32_t quarter = 1 << 23;    /* Q6.25 */

  const int32_t zeros_a = __builtin_clz((uint32_t)x);
  const int32_t shifted_a = tq_multiply_high(tq_shift_left_saturating(x, zeros_a - 1), sqrt_half);
  const int32_t r_a = tq_shift_left_saturating(shifted_a, 1);
  const int32_t power_a = (12 - zeros_a) * (1 << 25) + quarter;

  const int32_t headroom_b = __builtin_clz((uint32_t)tq_multiply_high(x, sqrt_half)) - 1;
  const int32_t r_b = tq_shift_left_saturating(x, headroom_b);
  const int32_t power_b = (12 - headroom_b) * (1 << 25) - quarter;

  const int32_t r = r_a < r_b ? r_a : r_b;
  const int32_t power = power_a > power_b ? power_a : power_b;
  const int32_t p = (int32_t)(((int64_t)r + sqrt_sqrt_half + 1) / 2);
  const int32_t q = 2 * (r - sqrt_sqrt_half);
  const int32_t q_square = tq_multiply_high(q, q);
  const int32_t numerator =
      tq_multiply_high(q, r) + tq_multiply_high(tq_multiply_high(q, q_square), alpha_n);
  const int32_t denominator =
      tq_multiply_high(p, alpha_i + q + tq_multiply_high(alpha_d, q_square)) +
      tq_multiply_high(alpha_f, q);
  const int32_t reciprocal = tq_one_over_one_plus_x(denominator);
  const int32_t log_r = tq_multiply_high(tq_divide_by_power_of_two(numerator, 6), reciprocal);
  return tq_shift_left_saturating(tq_multiply_high(power, log_2) + log_r, 1);
}

static inline int32_t exponential(const tq_log_softmax_s8_params *p, int32_t below_maximum) {
  return below_maximum < p->exp_count ? p->exp_table[below_maximum] : 0;
}

void tq_log_softmax_s8(const void *params) {
  const tq_log_softmax_s8_params *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t maximum = INT8_MIN;
    for (int32_t i = 0; i < p->depth; ++i) {
      maximum = input[i] > maximum ? input[i] : maximum;
    }
    int32_t sum = 0; /* Q12.19 */
    for (int32_t i = 0; i < p->depth; ++i) {
      sum += tq_divide_by_power_of_two(exponential(p, maximum - input[i]), 12);
    }
    const int32_t log_sum = logarithm(sum);
    const int32_t representable =
        tq_scale(tq_add_wrapping(log_sum, INT32_MIN), p->reverse_multiplier, p->reverse_shift);
    const int32_t lowest = representable > p->diff_min - 1 ? representable : p->diff_min - 1;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t difference = *input++ - maximum;
      if (difference > lowest) {
        const int32_t scaled = tq_scale(difference, p->multiplier, p->shift);
        const int32_t result = tq_divide_by_power_of_two(scaled - log_sum, 22) + INT8_MAX;
        *output++ = (int8_t)tq_clamp(result, INT8_MIN, INT8_MAX);
      } else {
        *output++ = INT8_MIN;
      }
    }
  }
}
