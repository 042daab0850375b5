/* More operators with one input, element by element; casts. All may run in place. */
#ifndef TQ_KERNELS_ELEMENTWISE_H
#define TQ_KERNELS_ELEMENTWISE_H

#include <stdint.h>

#include "tq_kernel.h"
#include "tq_kernels_activation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Their parameters are tq_unary_f32_params. */
TQ_KERNEL void tq_abs_f32(const void *params);
TQ_KERNEL void tq_ceil_f32(const void *params);
TQ_KERNEL void tq_cos_f32(const void *params);
TQ_KERNEL void tq_elu_f32(const void *params);
TQ_KERNEL void tq_exp_f32(const void *params);
TQ_KERNEL void tq_floor_f32(const void *params);
TQ_KERNEL void tq_hard_swish_f32(const void *params);
TQ_KERNEL void tq_log_f32(const void *params);
TQ_KERNEL void tq_neg_f32(const void *params);
TQ_KERNEL void tq_round_f32(const void *params); /* ties to even */
TQ_KERNEL void tq_rsqrt_f32(const void *params);
TQ_KERNEL void tq_sin_f32(const void *params);
TQ_KERNEL void tq_sqrt_f32(const void *params);
TQ_KERNEL void tq_square_f32(const void *params);

/*
 * output = table[input + 128]: every int8 operator with one input whose result depends on its byte
 * and the quantization parameters only (ABS, ELU, HARD_SWISH, RSQRT). Its parameters are
 * tq_table_s8_params.
 */
TQ_KERNEL void tq_table_s8(const void *params);

/* output = clamp(scaled |input|), factor = input_scale / output_scale. */
typedef struct tq_abs_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t shift;
} tq_abs_s16_params;

TQ_KERNEL void tq_abs_s16(const void *params);

/* `multiplier`, `shift` stand for 1 / (sqrt(input_scale) * output_scale * 2^20). */
typedef struct tq_rsqrt_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t shift;
} tq_rsqrt_s16_params;

TQ_KERNEL void tq_rsqrt_s16(const void *params);

/* Booleans are bytes, 0 or 1. */
typedef struct tq_logical_not_params {
  const uint8_t *input;
  uint8_t *output;
  int32_t count;
} tq_logical_not_params;

TQ_KERNEL void tq_logical_not(const void *params);

/*
 * CAST: C's conversion, which is not defined for a float32 that the integer type lacks; b8 is a
 * boolean. Not in place when the output is wider.
 */
typedef struct tq_cast_params {
  const void *input;
  void *output;
  int32_t count;
} tq_cast_params;

TQ_KERNEL void tq_cast_f32_f32(const void *params);
TQ_KERNEL void tq_cast_f32_s8(const void *params);
TQ_KERNEL void tq_cast_f32_s16(const void *params);
TQ_KERNEL void tq_cast_f32_s32(const void *params);
TQ_KERNEL void tq_cast_f32_b8(const void *params);
TQ_KERNEL void tq_cast_s8_f32(const void *params);
TQ_KERNEL void tq_cast_s8_s8(const void *params);
TQ_KERNEL void tq_cast_s8_s16(const void *params);
TQ_KERNEL void tq_cast_s8_s32(const void *params);
TQ_KERNEL void tq_cast_s8_b8(const void *params);
TQ_KERNEL void tq_cast_s16_f32(const void *params);
TQ_KERNEL void tq_cast_s16_s8(const void *params);
TQ_KERNEL void tq_cast_s16_s16(const void *params);
TQ_KERNEL void tq_cast_s16_s32(const void *params);
TQ_KERNEL void tq_cast_s16_b8(const void *params);
TQ_KERNEL void tq_cast_s32_f32(const void *params);
TQ_KERNEL void tq_cast_s32_s8(const void *params);
TQ_KERNEL void tq_cast_s32_s16(const void *params);
TQ_KERNEL void tq_cast_s32_s32(const void *params);
TQ_KERNEL void tq_cast_s32_b8(const void *params);
TQ_KERNEL void tq_cast_b8_f32(const void *params);
TQ_KERNEL void tq_cast_b8_s8(const void *params);
TQ_KERNEL void tq_cast_b8_s16(const void *params);
TQ_KERNEL void tq_cast_b8_s32(const void *params);
TQ_KERNEL void tq_cast_b8_b8(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_ELEMENTWISE_H */
