/*
 * Kernels on int8 with int4 weights that only the set cortex_m_dsp has. Results are those of the
 * kernels in tq_kernels_int4.h; parameters that are not explained are those of the kernels on int8
 * weights, tq_kernels_dsp_conv.h and tq_kernels_dsp_dense.h.
 */
#ifndef TQ_KERNELS_DSP_INT4_H
#define TQ_KERNELS_DSP_INT4_H

#include "tq_kernels_dsp_conv.h"
#include "tq_kernels_dsp_dense.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * tq_conv_2d_s8_dsp_params. Weights: one word per pair of channels and step of four positions, the
 * low channel in the lower halves of its bytes, the high channel in the upper ones; positions 0 and
 * 1 of the step in bytes 0 and 2, positions 2 and 3 in bytes 1 and 3. With an odd number of
 * channels as many words as a pair has lie unused behind the first pair. Sums stay below 2^27.
 */
TQ_KERNEL void tq_conv_2d_s4_dsp(const void *params);

/*
 * Weights: four rows after four rows, those of the last group that do not exist 0; inputs padded
 * with zero weights to a multiple of 4. Every four inputs take two words, for inputs 0 and 2 and
 * for 1 and 3: a halfword per input, in it a half byte per row, weight + 8, row 0 the lowest.
 * `bias` is folded and not doubled.
 */
typedef struct tq_fully_connected_s4_dsp_params {
  const int8_t *input;
  const void *weights;
  const int32_t *bias;
  int8_t *output;
  int32_t batches;
  int32_t input_depth; /* padded */
  int32_t output_depth;
  int32_t multiplier;
  int32_t right_shift;
  int32_t rounding;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s4_dsp_params;

TQ_KERNEL void tq_fully_connected_s4_dsp(const void *params);

typedef struct tq_fully_connected_per_channel_s4_dsp_params {
  const int8_t *input;
  const void *weights;
  const int32_t *bias;
  const int32_t *multipliers;
  const uint8_t *right_shifts;
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t rounding;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s4_dsp_params;

TQ_KERNEL void tq_fully_connected_per_channel_s4_dsp(const void *params);

/*
 * A depthwise layer on int8 weights, which are unpacked before it runs: `count` of them into
 * `unpacked`, working memory behind that of the layer. They are few.
 */
typedef struct tq_depthwise_conv_2d_s4_dsp_params {
  const int8_t *packed;
  int8_t *unpacked;
  int32_t count;
  tq_depthwise_conv_2d_s8_dsp_params layer;
} tq_depthwise_conv_2d_s4_dsp_params;

TQ_KERNEL void tq_depthwise_conv_2d_s4_dsp(const void *params);

typedef struct tq_depthwise_conv_2d_3x3_s4_dsp_params {
  const int8_t *packed;
  int8_t *unpacked;
  int32_t count;
  tq_depthwise_conv_2d_3x3_s8_dsp_params layer;
} tq_depthwise_conv_2d_3x3_s4_dsp_params;

TQ_KERNEL void tq_depthwise_conv_2d_3x3_s4_dsp(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_DSP_INT4_H */
