/* Two inputs, element by element, with broadcasting. May run in place unless it says otherwise. */
#ifndef TQ_KERNELS_ARITHMETIC_H
#define TQ_KERNELS_ARITHMETIC_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The output is dense over `dims`; input k's element for output index (i0..i3) is at
 * sum_d i_d * stride_k[d] (in elements), stride 0 along a broadcast axis. Axes that need no
 * distinction are merged into the last one: equal shapes are dims {1, 1, 1, n}, strides {0,0,0,1}.
 */
typedef struct tq_broadcast {
  int32_t dims[4];
  int32_t stride1[4];
  int32_t stride2[4];
} tq_broadcast;

typedef struct tq_binary_f32_params {
  tq_broadcast broadcast;
  const float *input1;
  const float *input2;
  float *output;
  float activation_min;
  float activation_max;
} tq_binary_f32_params;

TQ_KERNEL void tq_add_f32(const void *params);
TQ_KERNEL void tq_sub_f32(const void *params);
TQ_KERNEL void tq_mul_f32(const void *params);

/*
 * Both inputs are brought to the scale 2 * max(scale1, scale2) with `left_shift` more bits (20 for
 * int8, 15 for int16) and then to the output's:
 *   factor1 = scale1 / twice_max, factor2 = scale2 / twice_max,
 *   output factor = twice_max / (2^left_shift * output_scale).
 * tq_sub_* subtracts input2; its parameters are computed in the same way.
 */
#define TQ_ADD_FIELDS(type)                         \
  tq_broadcast broadcast;                           \
  const type *input1;                               \
  const type *input2;                               \
  type *output;                                     \
  int32_t input1_offset; /* minus the zero point */ \
  int32_t input2_offset;                            \
  int32_t output_offset;                            \
  int32_t input1_multiplier;                        \
  int32_t input2_multiplier;                        \
  int32_t output_multiplier;                        \
  int32_t input1_shift;                             \
  int32_t input2_shift;                             \
  int32_t output_shift;                             \
  int32_t activation_min;                           \
  int32_t activation_max

typedef struct tq_add_s8_params {
  TQ_ADD_FIELDS(int8_t);
} tq_add_s8_params;

TQ_KERNEL void tq_add_s8(const void *params);
TQ_KERNEL void tq_sub_s8(const void *params);

typedef struct tq_add_s16_params {
  TQ_ADD_FIELDS(int16_t);
} tq_add_s16_params;

TQ_KERNEL void tq_add_s16(const void *params);
TQ_KERNEL void tq_sub_s16(const void *params);

/* factor = scale1 * scale2 / output_scale */
#define TQ_MUL_FIELDS(type) \
  tq_broadcast broadcast;   \
  const type *input1;       \
  const type *input2;       \
  type *output;             \
  int32_t input1_offset;    \
  int32_t input2_offset;    \
  int32_t output_offset;    \
  int32_t multiplier;       \
  int32_t shift;            \
  int32_t activation_min;   \
  int32_t activation_max

typedef struct tq_mul_s8_params {
  TQ_MUL_FIELDS(int8_t);
} tq_mul_s8_params;

TQ_KERNEL void tq_mul_s8(const void *params);

typedef struct tq_mul_s16_params {
  TQ_MUL_FIELDS(int16_t);
} tq_mul_s16_params;

TQ_KERNEL void tq_mul_s16(const void *params);

/* ---- Operators without a scale of their own ---- */

typedef struct tq_pair_params {
  tq_broadcast broadcast;
  const void *input1;
  const void *input2;
  void *output;
} tq_pair_params;

/* The greater and the smaller of two numbers as they are stored, whatever their scales. */
TQ_KERNEL void tq_maximum_f32(const void *params);
TQ_KERNEL void tq_maximum_s8(const void *params);
TQ_KERNEL void tq_maximum_s16(const void *params);
TQ_KERNEL void tq_maximum_s32(const void *params);
TQ_KERNEL void tq_maximum_s64(const void *params);
TQ_KERNEL void tq_minimum_f32(const void *params);
TQ_KERNEL void tq_minimum_s8(const void *params);
TQ_KERNEL void tq_minimum_s16(const void *params);
TQ_KERNEL void tq_minimum_s32(const void *params);
TQ_KERNEL void tq_minimum_s64(const void *params);

TQ_KERNEL void tq_squared_difference_f32(const void *params);
TQ_KERNEL void tq_squared_difference_s32(const void *params);

/* The quotient's floor, and what is left: of the divisor's sign. */
TQ_KERNEL void tq_floor_div_f32(const void *params);
TQ_KERNEL void tq_floor_mod_f32(const void *params);

/* int32 as it is, modulo 2^32, then the limits. A quotient is cut toward 0; x / 0 is 0. */
typedef struct tq_binary_s32_params {
  tq_broadcast broadcast;
  const int32_t *input1;
  const int32_t *input2;
  int32_t *output;
  int32_t activation_min;
  int32_t activation_max;
} tq_binary_s32_params;

TQ_KERNEL void tq_add_s32(const void *params);
TQ_KERNEL void tq_sub_s32(const void *params);
TQ_KERNEL void tq_mul_s32(const void *params);
TQ_KERNEL void tq_div_s32(const void *params);

TQ_KERNEL void tq_div_f32(const void *params); /* tq_binary_f32_params */
/* factor = scale1 / (scale2 * output_scale); a divisor of 0 gives the largest result. */
TQ_KERNEL void tq_div_s8(const void *params); /* tq_mul_s8_params */

/*
 * The parameters are those of ADD, computed with a left shift of 7 (int8) or 0 (int16) and
 * output factor = twice_max^2 / (4^left_shift * output_scale).
 */
TQ_KERNEL void tq_squared_difference_s8(const void *params);
TQ_KERNEL void tq_squared_difference_s16(const void *params);

/* Inputs that are negative are multiplied by alpha, which may be broadcast. */
TQ_KERNEL void tq_prelu_f32(const void *params); /* tq_pair_params, input2 is alpha */

/* factor = input_scale / output_scale; the second pair has alpha_scale as well. */
#define TQ_PRELU_FIELDS(type) \
  tq_broadcast broadcast;     \
  const type *input1;         \
  const int8_t *input2;       \
  type *output;               \
  int32_t input_offset;       \
  int32_t alpha_offset;       \
  int32_t output_offset;      \
  int32_t multiplier;         \
  int32_t shift;              \
  int32_t alpha_multiplier;   \
  int32_t alpha_shift

typedef struct tq_prelu_s8_params {
  TQ_PRELU_FIELDS(int8_t);
} tq_prelu_s8_params;

TQ_KERNEL void tq_prelu_s8(const void *params);

typedef struct tq_prelu_s16_params {
  TQ_PRELU_FIELDS(int16_t);
} tq_prelu_s16_params;

TQ_KERNEL void tq_prelu_s16(const void *params);

/* ---- ADD_N: the sum of any number of tensors of one shape ---- */

typedef struct tq_add_n_input {
  const void *input;
} tq_add_n_input;

typedef struct tq_add_n_f32_params {
  const tq_add_n_input *inputs;
  float *output;
  int32_t input_count;
  int32_t count;
} tq_add_n_f32_params;

TQ_KERNEL void tq_add_n_f32(const void *params);

/* All inputs have one scale; factors as in ADD, with a left shift of 20. */
typedef struct tq_add_n_s8_params {
  const tq_add_n_input *inputs;
  int8_t *output;
  int32_t input_count;
  int32_t count;
  int32_t input_offset;
  int32_t output_offset;
  int32_t input_multiplier;
  int32_t output_multiplier;
  int32_t input_shift;
  int32_t output_shift;
} tq_add_n_s8_params;

TQ_KERNEL void tq_add_n_s8(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_ARITHMETIC_H */
