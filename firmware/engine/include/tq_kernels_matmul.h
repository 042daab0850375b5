/* BATCH_MATMUL. */
#ifndef TQ_KERNELS_MATMUL_H
#define TQ_KERNELS_MATMUL_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * output[b][r][c] = sum_k left[b, r, k] * right[b, k, c] over the batches b = (b0, b1, b2), which
 * either side may broadcast (stride 0). Strides in elements: of the batches, and of the matrix's
 * two indices as the product uses them, so that a transposed matrix is one with its strides
 * exchanged.
 */
#define TQ_MATMUL_FIELDS(type) \
  const type *input1;          \
  const type *input2;          \
  type *output;                \
  int32_t batches[3];          \
  int32_t batch_stride1[3];    \
  int32_t batch_stride2[3];    \
  int32_t rows;                \
  int32_t columns;             \
  int32_t depth;               \
  int32_t row_stride1;         \
  int32_t depth_stride1;       \
  int32_t depth_stride2;       \
  int32_t column_stride2

typedef struct tq_batch_matmul_f32_params {
  TQ_MATMUL_FIELDS(float);
} tq_batch_matmul_f32_params;

TQ_KERNEL void tq_batch_matmul_f32(const void *params);

/* factor = scale1 * scale2 / output_scale */
typedef struct tq_batch_matmul_s8_params {
  TQ_MATMUL_FIELDS(int8_t);
  int32_t input1_offset;
  int32_t input2_offset;
  int32_t output_offset;
  int32_t multiplier;
  int32_t shift;
} tq_batch_matmul_s8_params;

TQ_KERNEL void tq_batch_matmul_s8(const void *params);

typedef struct tq_batch_matmul_s16_params {
  TQ_MATMUL_FIELDS(int16_t);
  int32_t multiplier;
  int32_t right_shift;
} tq_batch_matmul_s16_params;

TQ_KERNEL void tq_batch_matmul_s16(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_MATMUL_H */
