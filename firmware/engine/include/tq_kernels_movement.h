/* Moving data. The suffix tells only the element's width: f32 also moves int32. */
#ifndef TQ_KERNELS_MOVEMENT_H
#define TQ_KERNELS_MOVEMENT_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* RESHAPE, EXPAND_DIMS, SQUEEZE that could not share memory. */
typedef struct tq_copy_params {
  const void *input;
  void *output;
  int32_t bytes;
} tq_copy_params;

TQ_KERNEL void tq_copy(const void *params);

/* Surrounds input_dims (4-D) with pad_before and pad_after elements of pad_value on each axis. */
typedef struct tq_pad_f32_params {
  const float *input;
  float *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  float pad_value;
} tq_pad_f32_params;

TQ_KERNEL void tq_pad_f32(const void *params);

typedef struct tq_pad_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  int32_t pad_value;
} tq_pad_s8_params;

TQ_KERNEL void tq_pad_s8(const void *params);

typedef struct tq_pad_s16_params {
  const int16_t *input;
  int16_t *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  int32_t pad_value;
} tq_pad_s16_params;

TQ_KERNEL void tq_pad_s16(const void *params);

typedef struct tq_pad_s32_params {
  const int32_t *input;
  int32_t *output;
  int32_t input_dims[4];
  int32_t pad_before[4];
  int32_t pad_after[4];
  int32_t pad_value;
} tq_pad_s32_params;

TQ_KERNEL void tq_pad_s32(const void *params);

/*
 * TRANSPOSE and STRIDED_SLICE: the output is dense over `dims`; element (i0..i4) is
 * input[offset + sum_d i_d * stride[d]], in elements; strides may be negative.
 */
typedef struct tq_strided_copy_params {
  const void *input;
  void *output;
  int32_t offset;
  int32_t dims[5];
  int32_t stride[5];
} tq_strided_copy_params;

TQ_KERNEL void tq_strided_copy_f32(const void *params);
TQ_KERNEL void tq_strided_copy_s8(const void *params);
TQ_KERNEL void tq_strided_copy_s16(const void *params);

/*
 * CONCATENATION and PACK: output row r is the concatenation of every part's row r.
 * SPLIT and UNPACK: the reverse. `bytes` is a part's size per row.
 */
typedef struct tq_concatenation_part {
  const void *input;
  int32_t bytes;
} tq_concatenation_part;

typedef struct tq_concatenation_params {
  const tq_concatenation_part *parts;
  void *output;
  int32_t part_count;
  int32_t rows;
} tq_concatenation_params;

TQ_KERNEL void tq_concatenation(const void *params);

typedef struct tq_split_part {
  void *output;
  int32_t bytes;
} tq_split_part;

typedef struct tq_split_params {
  const void *input;
  const tq_split_part *parts;
  int32_t part_count;
  int32_t rows;
} tq_split_params;

TQ_KERNEL void tq_split(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_MOVEMENT_H */
