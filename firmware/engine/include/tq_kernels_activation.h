/* SOFTMAX, and operators with one input, element by element. */
#ifndef TQ_KERNELS_ACTIVATION_H
#define TQ_KERNELS_ACTIVATION_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Softmax over the last axis: [rows][depth]. May run in place. ---- */

typedef struct tq_softmax_f32_params {
  const float *input;
  float *output;
  int32_t rows;
  int32_t depth;
  float beta;
} tq_softmax_f32_params;

TQ_KERNEL void tq_softmax_f32(const void *params);

/*
 * exp_table[d] = exp(-d * beta * input_scale) in Q0.31 as TensorFlow Lite Micro's fixed-point
 * arithmetic computes it, for d in [0, exp_count); the entries from exp_count to 255 are 0.
 */
typedef struct tq_softmax_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t rows;
  int32_t depth;
  const int32_t *exp_table;
  int32_t exp_count;
} tq_softmax_s8_params;

TQ_KERNEL void tq_softmax_s8(const void *params);

/* `multiplier`, `shift` stand for beta * input_scale * 65535 / 10. */
typedef struct tq_softmax_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t rows;
  int32_t depth;
  int32_t multiplier;
  int32_t shift;
} tq_softmax_s16_params;

TQ_KERNEL void tq_softmax_s16(const void *params);

/* ---- One input, element by element. May run in place. ---- */

typedef struct tq_unary_f32_params {
  const float *input;
  float *output;
  int32_t count;
} tq_unary_f32_params;

TQ_KERNEL void tq_logistic_f32(const void *params);
TQ_KERNEL void tq_tanh_f32(const void *params);

/* min = 0 and max = INFINITY for RELU, 6 for RELU6; -1 and 1 for RELU_N1_TO_1. */
typedef struct tq_relu_f32_params {
  const float *input;
  float *output;
  int32_t count;
  float activation_min;
  float activation_max;
} tq_relu_f32_params;

TQ_KERNEL void tq_relu_f32(const void *params);

typedef struct tq_leaky_relu_f32_params {
  const float *input;
  float *output;
  int32_t count;
  float alpha;
} tq_leaky_relu_f32_params;

TQ_KERNEL void tq_leaky_relu_f32(const void *params);

/*
 * output = table[input + 128]: LOGISTIC and TANH on int8, whose value depends on the quantization
 * parameters and one byte only. The table is 256 bytes, less than the code that would compute it.
 */
typedef struct tq_table_s8_params {
  const int8_t *input;
  const int8_t *table; /* [256] */
  int8_t *output;
  int32_t count;
} tq_table_s8_params;

TQ_KERNEL void tq_logistic_s8(const void *params);
TQ_KERNEL void tq_tanh_s8(const void *params);

/* Argument in units of 1 / (3 * 2^12): (input * multiplier + half) >> right_shift. */
typedef struct tq_sigmoid_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t count;
  int32_t multiplier;
  int32_t right_shift;
} tq_sigmoid_s16_params;

TQ_KERNEL void tq_logistic_s16(const void *params);
TQ_KERNEL void tq_tanh_s16(const void *params);

/* factor = input_scale / output_scale; the second pair applies alpha to negative inputs. */
#define TQ_LEAKY_RELU_FIELDS(type) \
  const type *input;               \
  type *output;                    \
  int32_t count;                   \
  int32_t input_offset;            \
  int32_t output_offset;           \
  int32_t multiplier;              \
  int32_t shift;                   \
  int32_t alpha_multiplier;        \
  int32_t alpha_shift

typedef struct tq_leaky_relu_s8_params {
  TQ_LEAKY_RELU_FIELDS(int8_t);
} tq_leaky_relu_s8_params;

TQ_KERNEL void tq_leaky_relu_s8(const void *params);

typedef struct tq_leaky_relu_s16_params {
  TQ_LEAKY_RELU_FIELDS(int16_t);
} tq_leaky_relu_s16_params;

TQ_KERNEL void tq_leaky_relu_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_ACTIVATION_H */
