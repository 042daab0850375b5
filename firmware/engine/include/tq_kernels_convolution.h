/* CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV. */
#ifndef TQ_KERNELS_CONVOLUTION_H
#define TQ_KERNELS_CONVOLUTION_H

#include <stdint.h>

#include "tq_kernel.h"
#include "tq_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * `scratch` is working memory for optimised kernel sets; the reference kernels never touch it and
 * it may be NULL for them.
 */
typedef struct tq_conv_2d_f32_params {
  tq_window window;
  const float *input;
  const float *weights; /* [output_channels][filter_height][filter_width][input_channels] */
  const float *bias;    /* [output_channels] or NULL */
  float *output;
  void *scratch;
  float activation_min;
  float activation_max;
} tq_conv_2d_f32_params;

TQ_KERNEL void tq_conv_2d_f32(const void *params);

typedef struct tq_conv_2d_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_channels] or NULL; the file's, nothing folded in */
  const int32_t *multipliers; /* [output_channels] */
  const int8_t *shifts;       /* [output_channels] */
  int8_t *output;
  void *scratch;
  int32_t input_offset; /* minus the input's zero point */
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_s8_params;

TQ_KERNEL void tq_conv_2d_s8(const void *params);

typedef struct tq_conv_2d_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias;        /* [output_channels] or NULL */
  const int16_t *multipliers; /* [output_channels] */
  const int8_t *right_shifts; /* [output_channels] */
  int16_t *output;
  void *scratch;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_s16_params;

TQ_KERNEL void tq_conv_2d_s16(const void *params);

/*
 * 16x8 convolution whose bias is int32: TensorFlow Lite Micro then accumulates in 32 bits (modulo
 * 2^32) and scales with the 32-bit multiplier, which rounds differently.
 */
typedef struct tq_conv_2d_acc32_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_channels], never NULL */
  const int32_t *multipliers; /* [output_channels] */
  const int8_t *shifts;       /* [output_channels] */
  int16_t *output;
  void *scratch;
  int32_t activation_min;
  int32_t activation_max;
} tq_conv_2d_acc32_s16_params;

TQ_KERNEL void tq_conv_2d_acc32_s16(const void *params);

/* ---- The same in groups: filter c sees the channels of group c * groups / output_channels ---- */

typedef struct tq_grouped_conv_2d_f32_params {
  tq_window window;
  const float *input;
  const float *weights; /* as above, but [input_channels / groups] */
  const float *bias;    /* [output_channels] or NULL */
  float *output;
  float activation_min;
  float activation_max;
  int32_t groups;
} tq_grouped_conv_2d_f32_params;

TQ_KERNEL void tq_grouped_conv_2d_f32(const void *params);

typedef struct tq_grouped_conv_2d_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_channels] or NULL; the file's, nothing folded in */
  const int32_t *multipliers; /* [output_channels] */
  const int8_t *shifts;       /* [output_channels] */
  int8_t *output;
  int32_t input_offset; /* minus the input's zero point */
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
  int32_t groups;
} tq_grouped_conv_2d_s8_params;

TQ_KERNEL void tq_grouped_conv_2d_s8(const void *params);

typedef struct tq_grouped_conv_2d_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias;        /* [output_channels] or NULL */
  const int16_t *multipliers; /* [output_channels] */
  const int8_t *right_shifts; /* [output_channels] */
  int16_t *output;
  int32_t activation_min;
  int32_t activation_max;
  int32_t groups;
} tq_grouped_conv_2d_s16_params;

TQ_KERNEL void tq_grouped_conv_2d_s16(const void *params);

/* Output channel c * depth_multiplier + m reads input channel c. */
typedef struct tq_depthwise_conv_2d_f32_params {
  tq_window window;
  const float *input;
  const float *weights; /* [filter_height][filter_width][output_channels] */
  const float *bias;    /* [output_channels] or NULL */
  float *output;
  void *scratch;
  int32_t depth_multiplier;
  float activation_min;
  float activation_max;
} tq_depthwise_conv_2d_f32_params;

TQ_KERNEL void tq_depthwise_conv_2d_f32(const void *params);

typedef struct tq_depthwise_conv_2d_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias; /* [output_channels] or NULL; nothing folded in */
  const int32_t *multipliers;
  const int8_t *shifts;
  int8_t *output;
  void *scratch;
  int32_t depth_multiplier;
  int32_t input_offset;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s8_params;

TQ_KERNEL void tq_depthwise_conv_2d_s8(const void *params);

typedef struct tq_depthwise_conv_2d_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias; /* [output_channels] or NULL */
  const int16_t *multipliers;
  const int8_t *right_shifts;
  int16_t *output;
  void *scratch;
  int32_t depth_multiplier;
  int32_t activation_min;
  int32_t activation_max;
} tq_depthwise_conv_2d_s16_params;

TQ_KERNEL void tq_depthwise_conv_2d_s16(const void *params);

/* ---- Transposed convolution ---- */

/*
 * `window` is that of the convolution this operator is the transpose of: its input is this
 * operator's output and the reverse. Input (y, x) adds to output rows
 * y * stride_height - pad_top + k and columns x * stride_width - pad_left + k. Dilation is 1.
 */
typedef struct tq_transpose_conv_f32_params {
  tq_window window;
  const float *input;   /* [batches][output_height][output_width][output_channels] of the window */
  const float *weights; /* [input_channels][filter_height][filter_width][output_channels] */
  const float *bias;    /* [input_channels] or NULL */
  float *output;
  float activation_min;
  float activation_max;
} tq_transpose_conv_f32_params;

TQ_KERNEL void tq_transpose_conv_f32(const void *params);

typedef struct tq_transpose_conv_s8_params {
  tq_window window;
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias; /* or NULL; nothing folded in */
  const int32_t *multipliers;
  const int8_t *shifts;
  int8_t *output;
  int32_t input_offset; /* minus the input's zero point */
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_transpose_conv_s8_params;

TQ_KERNEL void tq_transpose_conv_s8(const void *params);

typedef struct tq_transpose_conv_s16_params {
  tq_window window;
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias; /* or NULL */
  const int16_t *multipliers;
  const int8_t *right_shifts;
  int16_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_transpose_conv_s16_params;

TQ_KERNEL void tq_transpose_conv_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_CONVOLUTION_H */
