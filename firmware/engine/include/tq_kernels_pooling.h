/* MAX_POOL_2D, AVERAGE_POOL_2D and MEAN. */
#ifndef TQ_KERNELS_POOLING_H
#define TQ_KERNELS_POOLING_H

#include <stdint.h>

#include "tq_kernel.h"
#include "tq_window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pooling keeps the input's scale and zero point. Averages count only positions in the input. */
typedef struct tq_pool_2d_f32_params {
  tq_window window;
  const float *input;
  float *output;
  float activation_min;
  float activation_max;
} tq_pool_2d_f32_params;

TQ_KERNEL void tq_max_pool_2d_f32(const void *params);
TQ_KERNEL void tq_average_pool_2d_f32(const void *params);

typedef struct tq_pool_2d_s8_params {
  tq_window window;
  const int8_t *input;
  int8_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_pool_2d_s8_params;

TQ_KERNEL void tq_max_pool_2d_s8(const void *params);
TQ_KERNEL void tq_average_pool_2d_s8(const void *params);

typedef struct tq_pool_2d_s16_params {
  tq_window window;
  const int16_t *input;
  int16_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_pool_2d_s16_params;

TQ_KERNEL void tq_max_pool_2d_s16(const void *params);
TQ_KERNEL void tq_average_pool_2d_s16(const void *params);

/* ---- Mean over adjacent axes: [outer][reduced][inner] -> [outer][inner] ---- */

/* NHWC over H, W: outer = batches, reduced = height * width, inner = channels. */
typedef struct tq_mean_f32_params {
  const float *input;
  float *output;
  int32_t outer;
  int32_t reduced;
  int32_t inner;
} tq_mean_f32_params;

TQ_KERNEL void tq_mean_f32(const void *params);

/*
 * `multiplier`, `shift` stand for input_scale / output_scale / reduced, folded as TensorFlow Lite
 * Micro does it (engine/quantization on the Python side).
 */
#define TQ_MEAN_FIELDS(type)                               \
  const type *input;                                       \
  type *output;                                            \
  int32_t outer;                                           \
  int32_t reduced;                                         \
  int32_t inner;                                           \
  int32_t multiplier;                                      \
  int32_t shift;                                           \
  int32_t input_offset; /* minus the input's zero point */ \
  int32_t output_offset

typedef struct tq_mean_s8_params {
  TQ_MEAN_FIELDS(int8_t);
} tq_mean_s8_params;

TQ_KERNEL void tq_mean_s8(const void *params);

typedef struct tq_mean_s16_params {
  TQ_MEAN_FIELDS(int16_t);
} tq_mean_s16_params;

TQ_KERNEL void tq_mean_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_POOLING_H */
