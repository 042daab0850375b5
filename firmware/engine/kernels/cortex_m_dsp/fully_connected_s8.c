/* FULLY_CONNECTED on int8 */
#include "tq_kernels_dsp_dense.h"

#include <stdbool.h>

#include "tq_dsp_arithmetic.h"
#include "tq_dsp_dense.h"
#include "tq_fixed_point.h"

static inline int32_t twice_sum_of_row(const tq_dense_s8 *l, const uint32_t *weights,
                                       int32_t bias) {
  int32_t sum = bias;
  for (const int8_t *input = l->input; input != l->end; input += 4) {
    const uint32_t x = *(const uint32_t *)input;
    const uint32_t w = *weights++;
    sum = __smlad(__sxtb16(x), __sxtb16(w), sum);
    sum = __smlad(tq_sxtb16_odd(x), tq_sxtb16_odd(w), sum);
  }
  return 2 * sum;
}

/* As in tq_dense_groups_s8(). */
static inline int8_t requantize(int32_t twice, int32_t multiplier, int32_t rounding,
                                int32_t right_shift) {
  const int32_t scaled = tq_smmlar(twice, multiplier, rounding + (twice >> 31));
  return (int8_t)tq_saturate_half_s8(scaled >> right_shift);
}

static inline __attribute__((always_inline)) void one_batch(const tq_dense_s8 *l,
                                                            const uint32_t *weights, int32_t rows,
                                                            bool per_channel) {
  int32_t row = rows & ~3;
  if (row > 0) {
    weights =
        per_channel ? tq_dense_groups_per_channel_s8(l, weights) : tq_dense_groups_s8(l, weights);
  }
  for (; row < rows; ++row) {
    const int32_t twice = twice_sum_of_row(l, weights, l->bias[row]);
    weights += (l->end - l->input) >> 2;
    if (per_channel) {
      const int32_t shift = l->right_shifts[row];
      l->output[row] = requantize(twice, l->multipliers[row], l->rounding << shift, shift);
    } else {
      l->output[row] = requantize(twice, l->multiplier, l->rounding, l->right_shift);
    }
  }
}

static inline __attribute__((always_inline)) void all_batches(tq_dense_s8 *l, const void *weights,
                                                              int32_t batches, int32_t inputs,
                                                              int32_t rows, bool per_channel) {
  for (int32_t batch = 0; batch < batches; ++batch) {
    l->end = l->input + inputs;
    l->end_16 = l->input + (inputs & ~15);
    l->output_end = l->output + (rows & ~3);
    one_batch(l, weights, rows, per_channel);
    l->input += inputs;
    l->output += rows;
  }
}

static inline void limit(int8_t *output, int32_t count, int32_t low, int32_t high) {
  if (low == INT8_MIN && high == INT8_MAX) {
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    output[i] = (int8_t)tq_clamp(output[i], low, high);
  }
}

void tq_fully_connected_s8_dsp(const void *params) {
  const tq_fully_connected_s8_dsp_params *p = params;
  tq_dense_s8 l = {.input = p->input,
                   .chunk = p->chunk,
                   .bias = p->bias,
                   .output = p->output,
                   .multiplier = p->multiplier,
                   .right_shift = p->right_shift,
                   .rounding = p->rounding};
  all_batches(&l, p->weights, p->batches, p->input_depth, p->output_depth, false);
  limit(p->output, p->batches * p->output_depth, p->activation_min, p->activation_max);
}

void tq_fully_connected_per_channel_s8_dsp(const void *params) {
  const tq_fully_connected_per_channel_s8_dsp_params *p = params;
  tq_dense_s8 l = {.input = p->input,
                   .chunk = p->chunk,
                   .bias = p->bias,
                   .output = p->output,
                   .multipliers = p->multipliers,
                   .right_shifts = p->right_shifts,
                   .rounding = p->rounding};
  all_batches(&l, p->weights, p->batches, p->input_depth, p->output_depth, true);
  limit(p->output, p->batches * p->output_depth, p->activation_min, p->activation_max);
}
