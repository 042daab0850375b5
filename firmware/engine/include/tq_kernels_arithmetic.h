/* ADD, SUB and MUL: two inputs, element by element, with broadcasting. May run in place. */
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

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_ARITHMETIC_H */
