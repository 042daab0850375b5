/* Reductions over any axes, along one axis, and normalisations of rows. */
#ifndef TQ_KERNELS_REDUCTION_H
#define TQ_KERNELS_REDUCTION_H

#include <stdint.h>

#include "tq_kernel.h"
#include "tq_kernels_pooling.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The output is dense over `kept`; output element (k0..k2) reduces the inputs at
 * sum_d k_d * kept_stride[d] + sum_d r_d * reduced_stride[d] for every (r0..r2) below `reduced`,
 * the last index fastest. Neighbouring axes that are both kept or both reduced are merged.
 */
typedef struct tq_reduction {
  int32_t kept[3];
  int32_t kept_stride[3];
  int32_t reduced[3];
  int32_t reduced_stride[3];
} tq_reduction;

typedef struct tq_reduce_params {
  tq_reduction reduction;
  const void *input;
  void *output;
} tq_reduce_params;

TQ_KERNEL void tq_reduce_max_f32(const void *params);
TQ_KERNEL void tq_reduce_max_s8(const void *params);
TQ_KERNEL void tq_reduce_min_f32(const void *params);
TQ_KERNEL void tq_reduce_min_s8(const void *params);
TQ_KERNEL void tq_reduce_all(const void *params); /* booleans */
TQ_KERNEL void tq_sum_f32(const void *params);
TQ_KERNEL void tq_mean_axes_f32(const void *params);

/*
 * `multiplier`, `shift` stand for input_scale / output_scale (for MEAN divided by the number of
 * elements, as in tq_mean_*); every input counts with the offset added.
 */
#define TQ_SUM_FIELDS(type)                                \
  tq_reduction reduction;                                  \
  const type *input;                                       \
  type *output;                                            \
  int32_t multiplier;                                      \
  int32_t shift;                                           \
  int32_t input_offset; /* minus the input's zero point */ \
  int32_t output_offset

typedef struct tq_sum_s8_params {
  TQ_SUM_FIELDS(int8_t);
} tq_sum_s8_params;

TQ_KERNEL void tq_sum_s8(const void *params); /* MEAN too */

typedef struct tq_sum_s16_params {
  TQ_SUM_FIELDS(int16_t);
} tq_sum_s16_params;

TQ_KERNEL void tq_sum_s16(const void *params); /* MEAN too */

/* ---- Along one axis: [outer][size][inner] ---- */

/* ARG_MAX and ARG_MIN: the first index of the largest or smallest, [outer][inner]. */
typedef struct tq_arg_params {
  const void *input;
  int32_t *output;
  int32_t outer;
  int32_t size;
  int32_t inner;
} tq_arg_params;

TQ_KERNEL void tq_arg_max_f32(const void *params);
TQ_KERNEL void tq_arg_max_s8(const void *params);
TQ_KERNEL void tq_arg_min_f32(const void *params);
TQ_KERNEL void tq_arg_min_s8(const void *params);

/* CUMSUM: `start` is where a sum begins and `step` how it goes on, both in elements. In place. */
typedef struct tq_cumsum_f32_params {
  const float *input;
  float *output;
  int32_t outer;
  int32_t size;
  int32_t inner;
  int32_t exclusive;
  int32_t reverse;
} tq_cumsum_f32_params;

TQ_KERNEL void tq_cumsum_f32(const void *params);

/* Factors as in ADD, with a left shift of 20. */
typedef struct tq_cumsum_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t outer;
  int32_t size;
  int32_t inner;
  int32_t exclusive;
  int32_t reverse;
  int32_t input_offset;
  int32_t output_offset;
  int32_t input_multiplier;
  int32_t output_multiplier;
  int32_t input_shift;
  int32_t output_shift;
} tq_cumsum_s8_params;

TQ_KERNEL void tq_cumsum_s8(const void *params);

/* ---- Rows: [rows][depth]. May run in place. ---- */

/* L2_NORMALIZATION; the int8 output has the scale 1/128 and no zero point. */
typedef struct tq_l2_normalization_f32_params {
  const float *input;
  float *output;
  int32_t rows;
  int32_t depth;
} tq_l2_normalization_f32_params;

TQ_KERNEL void tq_l2_normalization_f32(const void *params);

typedef struct tq_l2_normalization_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t rows;
  int32_t depth;
  int32_t input_offset;
} tq_l2_normalization_s8_params;

TQ_KERNEL void tq_l2_normalization_s8(const void *params);

/* LOG_SOFTMAX; the parameters of float32 are those of L2_NORMALIZATION. */
TQ_KERNEL void tq_log_softmax_f32(const void *params);

/*
 * The int8 output has the scale 1/16 and the zero point 127. `multiplier`, `shift` bring a
 * difference to Q5.26, `reverse_multiplier`, `reverse_shift` back; differences below `diff_min`
 * do not count.
 */
typedef struct tq_log_softmax_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t rows;
  int32_t depth;
  int32_t multiplier;
  int32_t shift;
  int32_t reverse_multiplier;
  int32_t reverse_shift;
  int32_t diff_min;
  const int32_t *exp_table; /* as in tq_softmax_s8_params */
  int32_t exp_count;
} tq_log_softmax_s8_params;

TQ_KERNEL void tq_log_softmax_s8(const void *params);

/* L2_POOL_2D: the root of the mean square of a window; its parameters are tq_pool_2d_f32_params. */
TQ_KERNEL void tq_l2_pool_2d_f32(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_REDUCTION_H */
