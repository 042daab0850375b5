/*
 * Convolutions that only the kernel set cortex_m_dsp has; the contract with
 * pytest_tinyquant/engine/lowering/dsp. Same conventions as tq_kernels.h.
 *
 * Weights are re-laid for SMLAD. One 32-bit word holds two consecutive positions k of a filter for
 * two output channels, "low" and "high"; a filter's positions are those of its window, row after
 * row, padded with zero weights to `2 * steps` words. `pairs` pairs follow each other, each with
 * all its words.
 *
 *   plain:  byte 0 = low[k], byte 1 = high[k], byte 2 = low[k + 1], byte 3 = high[k + 1]
 *   summed: halfword 0 = 256 * high[k] + low[k], halfword 1 the same of k + 1. SMLAD with it gives
 *           256 times the high channel's sum plus the low channel's sum, so that the high channel
 *           needs no instruction to extract it. Exact while the high channel's sum stays below
 *           2^23 in magnitude; no weight is -128.
 *
 * With an odd number of channels, the second pair begins at channel 1: it repeats that channel.
 *
 * `offsets`: bytes from the window's origin in the input to each position of the filter, any value
 * for positions that are padding; [4 * steps]. NULL where the rows of a window are whole words of
 * input (no dilation along them, input_channels a multiple of 4, or of 2 for int16): int8
 * positions within each group of four are then in the order 0, 2, 1, 3, as SXTB16 leaves them.
 *
 * A kernel with "groups" in its name gathers the windows of `groups` groups of three pixels before
 * it convolves them, pair after pair of an even number of channels; the others ignore that field.
 *
 * `scratch`: the windows of three pixels as words, alternating by pixel, 24 * steps bytes; or
 * `groups` times as many, behind which lie, with more than 20 steps, 8 * steps for a pair's
 * weights.
 */
#ifndef TQ_KERNELS_DSP_CONV_H
#define TQ_KERNELS_DSP_CONV_H

#include "tq_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * bias: twice the file's, with the input's zero point folded in; |bias + sum| < 2^30, and it fits
 * 27 bits. right shift: minus tq_kernels.h's shift; [1, 22].
 */
typedef struct tq_conv_s8_dsp_channel {
  int32_t bias_and_shift; /* 2^5 * bias + right shift */
  int32_t multiplier;
} tq_conv_s8_dsp_channel;

typedef struct tq_conv_2d_s8_dsp_params {
  tq_window window;
  uint16_t steps;
  uint16_t groups;
  const int8_t *input;
  const void *weights;
  const int32_t *offsets;                 /* or NULL */
  const tq_conv_s8_dsp_channel *channels; /* [2 * pairs]: low and high of each pair */
  int8_t *output;
  void *scratch;
  int32_t input_zero_point;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_s8_dsp_params;

/* Weights "summed", and "plain". */
TQ_KERNEL void tq_conv_2d_s8_dsp(const void *params);
TQ_KERNEL void tq_conv_2d_plain_s8_dsp(const void *params);
TQ_KERNEL void tq_conv_2d_groups_s8_dsp(const void *params);
TQ_KERNEL void tq_conv_2d_plain_groups_s8_dsp(const void *params);

/* |bias + sum| < 2^31. */
typedef struct tq_conv_s16_dsp_pair {
  int32_t bias_high;
  int32_t bias_low;
  int32_t multiplier_low;  /* tq_kernels.h's multiplier * 2^16 */
  int32_t right_shift_low; /* tq_kernels.h's right_shift - 16; [1, 30] */
  int32_t multiplier_high;
  int32_t right_shift_high;
} tq_conv_s16_dsp_pair;

/* Weights "plain", positions in natural order. */
typedef struct tq_conv_2d_s16_dsp_params {
  tq_window window;
  uint16_t steps;
  uint16_t groups;
  const int16_t *input;
  const void *weights;
  const int32_t *offsets;               /* or NULL */
  const tq_conv_s16_dsp_pair *channels; /* [pairs] */
  int16_t *output;
  void *scratch;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_s16_dsp_params;

TQ_KERNEL void tq_conv_2d_s16_dsp(const void *params);
TQ_KERNEL void tq_conv_2d_groups_s16_dsp(const void *params);

/*
 * Depthwise, with depth_multiplier 1 and a multiple of 4 channels. Weights: four channels after
 * four channels, for each two words per pair of positions (the last one filled up with a weight
 * of 0): bytes a[k], b[k], a[k + 1], b[k + 1], then the same of the channels c, d.
 *
 * `scratch`: 8 bytes for each pair of positions, then one pixel of the input.
 */
typedef struct tq_depthwise_dsp_channel {
  int32_t bias; /* int8: twice the folded one, |bias + sum| < 2^30; int16: |bias + sum| < 2^31 */
  int32_t multiplier; /* int16: tq_kernels.h's multiplier * 2^16 */
  int32_t right_shift;
  int32_t rounding; /* 2^(right_shift - 1) + output zero point * 2^right_shift */
} tq_depthwise_dsp_channel;

typedef struct tq_depthwise_conv_2d_s8_dsp_params {
  tq_window window;
  const int8_t *input;
  const void *weights;
  const tq_depthwise_dsp_channel *channels; /* [output_channels] */
  int8_t *output;
  void *scratch;
  int32_t input_zero_point;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s8_dsp_params;

TQ_KERNEL void tq_depthwise_conv_2d_s8_dsp(const void *params);

/*
 * Filters of 3 x 3, dilation 1, strides of 1 or 2 along a row. `weights`: [3][3][channels] as in
 * the file. `scratch`: 160 bytes, then 32 * width, where width is (output_width + 4) / 2 * 2 for
 * stride 1 and 2 * output_width + 4 for stride 2. The output may begin where the input does if the
 * input rows under a row of output, and all before them, have at least as many pixels as all output
 * to the end of that row.
 */
typedef struct tq_depthwise_conv_2d_3x3_s8_dsp_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const tq_conv_s8_dsp_channel *channels; /* [output_channels] */
  int8_t *output;
  void *scratch;
  int32_t input_zero_point;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_3x3_s8_dsp_params;

TQ_KERNEL void tq_depthwise_conv_2d_3x3_s8_dsp(const void *params);

typedef struct tq_depthwise_conv_2d_s16_dsp_params {
  tq_window window;
  const int16_t *input;
  const void *weights;
  const tq_depthwise_dsp_channel *channels; /* [output_channels] */
  int16_t *output;
  void *scratch;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s16_dsp_params;

TQ_KERNEL void tq_depthwise_conv_2d_s16_dsp(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_DSP_CONV_H */
