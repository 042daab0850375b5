/* Comparisons, logic and selection, with broadcasting. Booleans are bytes, 0 or 1. */
#ifndef TQ_KERNELS_COMPARISON_H
#define TQ_KERNELS_COMPARISON_H

#include <stdint.h>

#include "tq_kernel.h"
#include "tq_kernels_arithmetic.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Two inputs of one type, whose bytes are compared as they are; b8 are booleans, whose logic may
 * run in place. Their parameters are tq_pair_params.
 */
TQ_KERNEL void tq_equal_f32(const void *params);
TQ_KERNEL void tq_equal_s32(const void *params);
TQ_KERNEL void tq_equal_s64(const void *params);
TQ_KERNEL void tq_equal_b8(const void *params);
TQ_KERNEL void tq_not_equal_f32(const void *params);
TQ_KERNEL void tq_not_equal_s32(const void *params);
TQ_KERNEL void tq_not_equal_s64(const void *params);
TQ_KERNEL void tq_not_equal_b8(const void *params);
TQ_KERNEL void tq_greater_f32(const void *params);
TQ_KERNEL void tq_greater_s32(const void *params);
TQ_KERNEL void tq_greater_s64(const void *params);
TQ_KERNEL void tq_greater_equal_f32(const void *params);
TQ_KERNEL void tq_greater_equal_s32(const void *params);
TQ_KERNEL void tq_greater_equal_s64(const void *params);
TQ_KERNEL void tq_less_f32(const void *params);
TQ_KERNEL void tq_less_s32(const void *params);
TQ_KERNEL void tq_less_s64(const void *params);
TQ_KERNEL void tq_less_equal_f32(const void *params);
TQ_KERNEL void tq_less_equal_s32(const void *params);
TQ_KERNEL void tq_less_equal_s64(const void *params);
TQ_KERNEL void tq_logical_and(const void *params);
TQ_KERNEL void tq_logical_or(const void *params);

/* Both inputs are scaled by their own factor, input_scale * 2^8, before they are compared. */
typedef struct tq_comparison_s8_params {
  tq_broadcast broadcast;
  const int8_t *input1;
  const int8_t *input2;
  uint8_t *output;
  int32_t input1_offset; /* minus the zero point */
  int32_t input2_offset;
  int32_t input1_multiplier;
  int32_t input2_multiplier;
  int32_t input1_shift;
  int32_t input2_shift;
} tq_comparison_s8_params;

TQ_KERNEL void tq_equal_s8(const void *params);
TQ_KERNEL void tq_not_equal_s8(const void *params);
TQ_KERNEL void tq_greater_s8(const void *params);
TQ_KERNEL void tq_greater_equal_s8(const void *params);
TQ_KERNEL void tq_less_s8(const void *params);
TQ_KERNEL void tq_less_equal_s8(const void *params);

/*
 * SELECT_V2: the output is dense over `dims`; where the condition holds it is input1's element,
 * elsewhere input2's. The suffix tells the element's width only. Strides as in tq_broadcast.
 */
typedef struct tq_select_params {
  const uint8_t *condition;
  const void *input1;
  const void *input2;
  void *output;
  int32_t dims[5];
  int32_t condition_stride[5];
  int32_t stride1[5];
  int32_t stride2[5];
} tq_select_params;

TQ_KERNEL void tq_select_f32(const void *params);
TQ_KERNEL void tq_select_s8(const void *params);
TQ_KERNEL void tq_select_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_COMPARISON_H */
