/* FULLY_CONNECTED on int16 */
#include "tq_kernels_dsp_dense.h"

#include <stdbool.h>

#include "tq_dsp_arithmetic.h"
#include "tq_dsp_dense.h"
#include "tq_fixed_point.h"

static inline int64_t sum_of_row(const tq_dense_s16 *l, const uint32_t *weights) {
  int64_t sum = 0;
  for (const int16_t *input = l->input; input != l->end; input += 4) {
    const uint32_t w = *weights++;
    sum = __smlald(((const int16x2_t *)input)[0], __sxtb16(w), sum);
    sum = __smlald(((const int16x2_t *)input)[1], tq_sxtb16_odd(w), sum);
  }
  return sum;
}

static inline __attribute__((always_inline)) void one_batch(const tq_dense_s16 *l,
                                                            const uint32_t *weights, int32_t rows,
                                                            bool per_channel) {
  int32_t row = rows & ~3;
  if (row > 0) {
    weights =
        per_channel ? tq_dense_groups_per_channel_s16(l, weights) : tq_dense_groups_s16(l, weights);
  }
  for (; row < rows; ++row) {
    const int32_t sum = (int32_t)sum_of_row(l, weights) + l->bias[row];
    weights += (l->end - l->input) >> 2;
    const int32_t scaled =
        __ssat(tq_smmulr(sum, per_channel ? l->multipliers[row] : l->multiplier), 16);
    l->output[row] = (int16_t)(scaled & ~(l->negative & (scaled >> 31)));
  }
}

static inline __attribute__((always_inline)) void all_batches(tq_dense_s16 *l, const void *weights,
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

/* Saturation and `negative` are the usual limits. */
static inline void limit(int16_t *output, int32_t count, int32_t low, int32_t high) {
  if ((low == 0 || low == INT16_MIN) && high == INT16_MAX) {
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    output[i] = (int16_t)tq_clamp(output[i], low, high);
  }
}

void tq_fully_connected_s16_dsp(const void *params) {
  const tq_fully_connected_s16_dsp_params *p = params;
  tq_dense_s16 l = {.input = p->input,
                    .bias = p->bias,
                    .output = p->output,
                    .multiplier = p->multiplier,
                    .negative = p->activation_min == 0 ? -1 : 0};
  all_batches(&l, p->weights, p->batches, p->input_depth, p->output_depth, false);
  limit(p->output, p->batches * p->output_depth, p->activation_min, p->activation_max);
}

void tq_fully_connected_per_channel_s16_dsp(const void *params) {
  const tq_fully_connected_per_channel_s16_dsp_params *p = params;
  tq_dense_s16 l = {.input = p->input,
                    .bias = p->bias,
                    .output = p->output,
                    .multipliers = p->multipliers,
                    .negative = p->activation_min == 0 ? -1 : 0};
  all_batches(&l, p->weights, p->batches, p->input_depth, p->output_depth, true);
  limit(p->output, p->batches * p->output_depth, p->activation_min, p->activation_max);
}

static inline void requantize_deep(const tq_fully_connected_deep_s16_dsp_params *p, int16_t *output,
                                   int32_t row, int64_t sum) {
  const int32_t scaled = tq_scale_64(sum + p->bias[row], p->multipliers[row], p->right_shifts[row]);
  output[row] = (int16_t)tq_clamp(scaled, p->activation_min, p->activation_max);
}

void tq_fully_connected_deep_s16_dsp(const void *params) {
  const tq_fully_connected_deep_s16_dsp_params *p = params;
  const int16_t *input = p->input;
  int16_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const int16_t *const end = input + p->input_depth;
    const int16_t *const end_16 = input + (p->input_depth & ~15);
    const uint32_t *weights = p->weights;
    int32_t row = 0;
    for (; row + 4 <= p->output_depth; row += 4) {
      int64_t sums[4] = {0, 0, 0, 0};
      tq_dense_s16 piece = {.input = input};
      do {
        const bool last = end - piece.input <= p->chunk;
        piece.end = last ? end : piece.input + p->chunk;
        piece.end_16 = last ? end_16 : piece.end;
        weights = tq_dense_add_group_s16(&piece, weights, sums);
        piece.input = piece.end;
      } while (piece.input != end);
      for (int32_t i = 0; i < 4; ++i) {
        requantize_deep(p, output, row + i, sums[i]);
      }
    }
    const tq_dense_s16 whole = {.input = input, .end = end};
    for (; row < p->output_depth; ++row) {
      requantize_deep(p, output, row, sum_of_row(&whole, weights));
      weights += p->input_depth >> 2;
    }
    input = end;
    output += p->output_depth;
  }
}
