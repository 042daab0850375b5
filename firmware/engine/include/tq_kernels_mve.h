/*
 * Kernels that only the set cortex_m_mve has; the contract with
 * pytest_tinyquant/engine/lowering/mve. Same conventions as tq_kernels.h.
 *
 * Weights lie as in the file, one row of `depth` per channel. Tables of channels are filled up to a
 * multiple of four, as they are read by vectors of four.
 */
#ifndef TQ_KERNELS_MVE_H
#define TQ_KERNELS_MVE_H

#include "tq_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What makes the outputs of `channels` rows of weights: of a dense layer, or of one pixel. */
typedef struct tq_channels_s8_mve {
  const int8_t *weights;      /* [channels][depth] */
  const int32_t *bias;        /* [channels], the input's zero point folded in, modulo 2^32 */
  const int32_t *multipliers; /* [channels], or 4 equal ones */
  const int8_t *shifts;       /* as many */
  int32_t depth;
  int32_t channels;
  int32_t step; /* from the factors of four channels to those of the next: 4, or 0 */
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_channels_s8_mve;

/* |bias + sum| < 2^31. */
typedef struct tq_channels_s16_mve {
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multipliers; /* tq_kernels.h's multiplier * 2^(32 - right_shift) */
  int32_t depth;
  int32_t channels;
  int32_t step;
  int32_t activation_min;
  int32_t activation_max;
} tq_channels_s16_mve;

/* `scratch`: the window of one pixel, `depth` elements; NULL where a window is one pixel. */
typedef struct tq_conv_2d_s8_mve_params {
  tq_window window;
  const int8_t *input;
  int8_t *output;
  int8_t *scratch;
  int32_t input_zero_point;
  tq_channels_s8_mve layer;
} tq_conv_2d_s8_mve_params;

TQ_KERNEL void tq_conv_2d_s8_mve(const void *params);

typedef struct tq_conv_2d_s16_mve_params {
  tq_window window;
  const int16_t *input;
  int16_t *output;
  int16_t *scratch;
  tq_channels_s16_mve layer;
} tq_conv_2d_s16_mve_params;

TQ_KERNEL void tq_conv_2d_s16_mve(const void *params);

/* Depth multiplier 1. What it does, and its parameters, are those of tq_depthwise_conv_2d_s8(). */
TQ_KERNEL void tq_depthwise_conv_2d_s8_mve(const void *params);

/* Depth multiplier 1; |bias + sum| < 2^31. */
typedef struct tq_depthwise_conv_2d_s16_mve_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights; /* [filter_height][filter_width][channels] */
  const int32_t *bias;
  const int32_t *multipliers; /* tq_kernels.h's multiplier * 2^(32 - right_shift) */
  int16_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s16_mve_params;

TQ_KERNEL void tq_depthwise_conv_2d_s16_mve(const void *params);

typedef struct tq_fully_connected_s8_mve_params {
  const int8_t *input;
  int8_t *output;
  int32_t batches;
  tq_channels_s8_mve layer;
} tq_fully_connected_s8_mve_params;

TQ_KERNEL void tq_fully_connected_s8_mve(const void *params);

typedef struct tq_fully_connected_s16_mve_params {
  const int16_t *input;
  int16_t *output;
  int32_t batches;
  tq_channels_s16_mve layer;
} tq_fully_connected_s16_mve_params;

TQ_KERNEL void tq_fully_connected_s16_mve(const void *params);

/* What these do, and their parameters, are those of the kernels without "_mve" in their names. */
TQ_KERNEL void tq_max_pool_2d_s8_mve(const void *params);
TQ_KERNEL void tq_max_pool_2d_s16_mve(const void *params);
/* Of windows of 361 positions at most. */
TQ_KERNEL void tq_average_pool_2d_s8_mve(const void *params);
TQ_KERNEL void tq_average_pool_2d_s16_mve(const void *params);
TQ_KERNEL void tq_mean_s8_mve(const void *params);
TQ_KERNEL void tq_mean_s16_mve(const void *params);
/* Strides along the last axis are 1 or 0. */
TQ_KERNEL void tq_add_s8_mve(const void *params);
TQ_KERNEL void tq_add_s16_mve(const void *params);
TQ_KERNEL void tq_mul_s8_mve(const void *params);
TQ_KERNEL void tq_mul_s16_mve(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_MVE_H */
