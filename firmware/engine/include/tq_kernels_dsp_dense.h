/*
 * Kernels that only the set cortex_m_dsp has: fully connected layers and float convolutions, whose
 * weights were re-laid at build time, and pooling. Results are those of the kernels in tq_kernels.h
 * without `_dsp` in their names, and so are the parameters where nothing else is said.
 *
 * Weights of `output_depth` rows with `input_depth` values each:
 *   - groups of 4 rows, interleaved; then the rows left over, one after the other as in the file.
 *   - int8 weights, in a group: 16-bit values 256 * weights[odd row][i] + weights[even row][i], so
 *     that one multiplication serves two rows. Inputs are padded with zero weights to a multiple
 *     of 4. For int8 inputs, 4 inputs take four words: rows 0 and 1 with i = 0, 2 and 1, 3, rows 2
 *     and 3 with the same; for int16 inputs, rows 0 and 1 with i = 0, 1, rows 2 and 3 with 0, 1,
 *     and both again with 2, 3. Left-over rows are padded int8, in the order 0, 2, 1, 3 if the
 *     inputs are int16.
 *   - float weights, in a group: the 4 rows' values for input 0, for input 1, ...
 */
#ifndef TQ_KERNELS_DSP_DENSE_H
#define TQ_KERNELS_DSP_DENSE_H

#include <stdint.h>

#include "tq_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * More than one batch only where both depths are multiples of 4. Of one batch, `input_depth` values
 * are read: up to 6 bytes that belong to whatever follows the input are multiplied by 0. The plan
 * makes the arena large enough for it.
 *
 * Sums v have |v| < 2^30. `bias` holds the folded biases; those of odd rows in a group are
 * doubled. One row's inputs are taken in pieces of `chunk` (a multiple of 16, or all of them; up
 * to 12 more in the last one), so short that an odd row's sum over one piece is below 2^23.
 *
 * The scaled sum is (v * multiplier / 2^31 + rounding - (v < 0)) / 2^(right_shift + 1), the
 * product rounded to nearest, the quotient downward; saturated to int8, then limited to the
 * activation's range.
 */
typedef struct tq_fully_connected_s8_dsp_params {
  const int8_t *input;
  const void *weights;
  const int32_t *bias;
  int8_t *output;
  int32_t batches;
  int32_t input_depth; /* padded */
  int32_t output_depth;
  int32_t chunk;
  int32_t multiplier;
  int32_t right_shift; /* one less than the shift that is meant */
  int32_t rounding;    /* (2 * output zero point + 1) << right_shift */
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s8_dsp_params;

TQ_KERNEL void tq_fully_connected_s8_dsp(const void *params);

/* The same with a factor per row; rounding[o] = `rounding` << right_shifts[o]. */
typedef struct tq_fully_connected_per_channel_s8_dsp_params {
  const int8_t *input;
  const void *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  const uint8_t *right_shifts;
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t chunk;
  int32_t rounding; /* 2 * output zero point + 1 */
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s8_dsp_params;

TQ_KERNEL void tq_fully_connected_per_channel_s8_dsp(const void *params);

/*
 * Batches and the bytes behind the input as above. Sums fit 32 bits. The output is
 * sum * multiplier / 2^32, rounded to nearest, ties upward, limited to the activation's range.
 */
typedef struct tq_fully_connected_s16_dsp_params {
  const int16_t *input;
  const void *weights;
  const int32_t *bias;
  int16_t *output;
  int32_t batches;
  int32_t input_depth; /* padded, as above */
  int32_t output_depth;
  int32_t multiplier;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s16_dsp_params;

TQ_KERNEL void tq_fully_connected_s16_dsp(const void *params);

typedef struct tq_fully_connected_per_channel_s16_dsp_params {
  const int16_t *input;
  const void *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  int16_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s16_dsp_params;

TQ_KERNEL void tq_fully_connected_per_channel_s16_dsp(const void *params);

/*
 * Sums of 64 bits, for deep layers; `chunk` is a multiple of 16, so small that the sum over one
 * piece fits 32 bits. Factors as in tq_fully_connected_per_channel_s16.
 */
typedef struct tq_fully_connected_deep_s16_dsp_params {
  const int16_t *input;
  const void *weights;
  const int64_t *bias;
  const int16_t *multipliers;
  const int8_t *right_shifts;
  int16_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t chunk;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_deep_s16_dsp_params;

TQ_KERNEL void tq_fully_connected_deep_s16_dsp(const void *params);

TQ_KERNEL void tq_fully_connected_f32_dsp(const void *params);

/*
 * Dilation 1. `scratch`: `filter_height` pointers, then as many rows of
 * ((output_width - 1) * stride_width + filter_width) * input_channels floats. The last group of 4
 * output channels is filled up with zero weights. Weights are finite: they are multiplied by the
 * zeros beside the input, too.
 */
TQ_KERNEL void tq_conv_2d_f32_dsp(const void *params);

/* Dilation 1, depth multiplier 1, a multiple of 8 channels. Weights as in the file. */
TQ_KERNEL void tq_depthwise_conv_2d_f32_dsp(const void *params);

/* A pixel's channels fill words: a multiple of 4 for s8, of 2 for s16. */
TQ_KERNEL void tq_max_pool_2d_s8_dsp(const void *params);
TQ_KERNEL void tq_max_pool_2d_s16_dsp(const void *params);

/* `inner` is a multiple of 4, `reduced` at most 256. */
TQ_KERNEL void tq_mean_s8_dsp(const void *params);

/*
 * Tensors of one shape. The input with the larger scale is the coarser one, and the factor that
 * brings it to twice that scale is 1/2. The finer one's is below it.
 *
 *   sum    = base + coarser * 2^20 + 2 * scaled(finer * 2^21 + finer_base, finer_...)
 *   output = scaled(sum, multiplier, rounding, right_shift), saturated, then limited
 *   scaled(v, m, r, s) = (v * m / 2^32 + r - (v < 0)) / 2^s, the product rounded to nearest, the
 *                        quotient downward, s in [1, 22]
 *
 * tq_add_equal_s8_dsp: both scales are the same; sum = base + (coarser + finer) * 2^20.
 */
typedef struct tq_add_s8_dsp_params {
  const int8_t *coarser;
  const int8_t *finer;
  int8_t *output;
  int32_t count;
  int32_t base;       /* minus the zero point, times 2^20 */
  int32_t finer_base; /* minus the zero point, times 2^21 */
  int32_t finer_multiplier;
  int32_t finer_rounding; /* half of 2^finer_right_shift */
  int32_t finer_right_shift;
  int32_t multiplier;
  int32_t rounding; /* half of 2^right_shift, and the output's zero point times 2^right_shift */
  int32_t right_shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_add_s8_dsp_params;

TQ_KERNEL void tq_add_s8_dsp(const void *params);
TQ_KERNEL void tq_add_equal_s8_dsp(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_DSP_DENSE_H */
