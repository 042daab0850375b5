/* FULLY_CONNECTED: output[b][o] = act(bias[o] + sum_i weights[o][i] * input[b][i]). */
#ifndef TQ_KERNELS_FULLY_CONNECTED_H
#define TQ_KERNELS_FULLY_CONNECTED_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tq_fully_connected_f32_params {
  const float *input;   /* [batches][input_depth] */
  const float *weights; /* [output_depth][input_depth] */
  const float *bias;    /* [output_depth] or NULL */
  float *output;        /* [batches][output_depth] */
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  float activation_min;
  float activation_max;
} tq_fully_connected_f32_params;

TQ_KERNEL void tq_fully_connected_f32(const void *params);

/*
 * `bias` is the file's bias (0 when absent) with the input's zero point folded in, modulo 2^32:
 * bias[o] - input_zero_point * sum_i weights[o][i]. Weights have zero point 0.
 */
typedef struct tq_fully_connected_s8_params {
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias; /* [output_depth], never NULL */
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t multiplier;
  int32_t shift;
  int32_t output_offset; /* the output's zero point */
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s8_params;

TQ_KERNEL void tq_fully_connected_s8(const void *params);

typedef struct tq_fully_connected_per_channel_s8_params {
  const int8_t *input;
  const int8_t *weights;
  const int32_t *bias;        /* [output_depth], never NULL, folded as above */
  const int32_t *multipliers; /* [output_depth] */
  const int8_t *shifts;       /* [output_depth] */
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t output_offset;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s8_params;

TQ_KERNEL void tq_fully_connected_per_channel_s8(const void *params);

/* int16 tensors have zero point 0. */
typedef struct tq_fully_connected_s16_params {
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias; /* [output_depth] or NULL */
  int16_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int16_t multiplier;
  int8_t right_shift;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_s16_params;

TQ_KERNEL void tq_fully_connected_s16(const void *params);

typedef struct tq_fully_connected_per_channel_s16_params {
  const int16_t *input;
  const int8_t *weights;
  const int64_t *bias;        /* [output_depth] or NULL */
  const int16_t *multipliers; /* [output_depth] */
  const int8_t *right_shifts; /* [output_depth] */
  int16_t *output;
  int32_t batches;
  int32_t input_depth;
  int32_t output_depth;
  int32_t activation_min;
  int32_t activation_max;
} tq_fully_connected_per_channel_s16_params;

TQ_KERNEL void tq_fully_connected_per_channel_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_FULLY_CONNECTED_H */
