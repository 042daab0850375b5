/* FULLY_CONNECTED on int8 with int4 weights */
#include "tq_kernels_dsp_int4.h"

#include <stdbool.h>

#include "tq_dsp_arithmetic.h"
#include "tq_dsp_clamp.h"

enum { ROWS = 4, INT4_OFFSET = 8 };

/* What all rows of a layer have in common, and where one batch is. */
typedef struct layer {
  const int8_t *input;
  const int8_t *end;
  const int32_t *bias;
  int8_t *output;
  int32_t rows;
  int32_t multiplier;
  int32_t right_shift;
  int32_t rounding;
  const int32_t *multipliers;
  const uint8_t *right_shifts;
} layer;

static int32_t sum_of_inputs(const layer *l) {
  const int16x2_t ones = 0x00010001;
  int32_t sum = 0;
  for (const int8_t *input = l->input; input != l->end; input += 4) {
    const uint32_t x = *(const uint32_t *)(const void *)input;
    sum = __smlad(__sxtb16(x), ones, sum);
    sum = __smlad(tq_sxtb16_odd(x), ones, sum);
  }
  return sum;
}

/* One half byte of every halfword: the same row's weights for two inputs. */
static inline int16x2_t row_of(uint32_t weights, int32_t row, uint32_t mask) {
  return (int16x2_t)(weights >> 4 * row & mask);
}

/* The sums of weight + 8 times input, of four rows. */
static void sums_of_group(const layer *l, const uint32_t *weights, int32_t sums[ROWS]) {
  uint32_t mask = 0x000f000f;
  /* In a register, a shift and AND are one instruction. */
  __asm__("" : "+r"(mask));
  int32_t sum0 = 0;
  int32_t sum1 = 0;
  int32_t sum2 = 0;
  int32_t sum3 = 0;
  for (const int8_t *input = l->input; input != l->end; input += 4) {
    const uint32_t x = *(const uint32_t *)(const void *)input;
    const int16x2_t even = __sxtb16(x);
    const uint32_t first = weights[0];
    sum0 = __smlad(even, row_of(first, 0, mask), sum0);
    sum1 = __smlad(even, row_of(first, 1, mask), sum1);
    sum2 = __smlad(even, row_of(first, 2, mask), sum2);
    sum3 = __smlad(even, row_of(first, 3, mask), sum3);
    const int16x2_t odd = tq_sxtb16_odd(x);
    const uint32_t second = weights[1];
    sum0 = __smlad(odd, row_of(second, 0, mask), sum0);
    sum1 = __smlad(odd, row_of(second, 1, mask), sum1);
    sum2 = __smlad(odd, row_of(second, 2, mask), sum2);
    sum3 = __smlad(odd, row_of(second, 3, mask), sum3);
    weights += 2;
  }
  sums[0] = sum0;
  sums[1] = sum1;
  sums[2] = sum2;
  sums[3] = sum3;
}

/* As the int8 kernels do it (tq_kernels_dsp_dense.h). */
static inline int8_t requantize(int32_t twice, int32_t multiplier, int32_t rounding,
                                int32_t right_shift) {
  const int32_t scaled = tq_smmlar(twice, multiplier, rounding + (twice >> 31));
  return (int8_t)tq_saturate_half_s8(scaled >> right_shift);
}

static inline __attribute__((always_inline)) void one_batch(const layer *l, const uint32_t *weights,
                                                            bool per_channel) {
  const int32_t offset = INT4_OFFSET * sum_of_inputs(l);
  for (int32_t group = 0; group < l->rows; group += ROWS) {
    int32_t sums[ROWS];
    sums_of_group(l, weights, sums);
    weights += (l->end - l->input) / 2;
    const int32_t left = l->rows - group;
    for (int32_t i = 0; i < ROWS && i < left; ++i) {
      const int32_t row = group + i;
      const int32_t twice = 2 * (sums[i] - offset + l->bias[row]);
      if (per_channel) {
        const int32_t shift = l->right_shifts[row];
        l->output[row] = requantize(twice, l->multipliers[row], l->rounding << shift, shift);
      } else {
        l->output[row] = requantize(twice, l->multiplier, l->rounding, l->right_shift);
      }
    }
  }
}

static inline __attribute__((always_inline)) void all_batches(layer *l, const void *weights,
                                                              int32_t batches, int32_t inputs,
                                                              bool per_channel) {
  for (; batches > 0; --batches) {
    l->end = l->input + inputs;
    one_batch(l, weights, per_channel);
    l->input += inputs;
    l->output += l->rows;
  }
}

void tq_fully_connected_s4_dsp(const void *params) {
  const tq_fully_connected_s4_dsp_params *p = params;
  layer l = {.input = p->input,
             .bias = p->bias,
             .output = p->output,
             .rows = p->output_depth,
             .multiplier = p->multiplier,
             .right_shift = p->right_shift,
             .rounding = p->rounding};
  all_batches(&l, p->weights, p->batches, p->input_depth, false);
  tq_clamp_all_s8(p->output, p->batches * p->output_depth, p->activation_min, p->activation_max);
}

void tq_fully_connected_per_channel_s4_dsp(const void *params) {
  const tq_fully_connected_per_channel_s4_dsp_params *p = params;
  layer l = {.input = p->input,
             .bias = p->bias,
             .output = p->output,
             .rows = p->output_depth,
             .rounding = p->rounding,
             .multipliers = p->multipliers,
             .right_shifts = p->right_shifts};
  all_batches(&l, p->weights, p->batches, p->input_depth, true);
  tq_clamp_all_s8(p->output, p->batches * p->output_depth, p->activation_min, p->activation_max);
}
