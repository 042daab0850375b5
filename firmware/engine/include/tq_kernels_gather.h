/* Moving data to or from places that a table or another input names. */
#ifndef TQ_KERNELS_GATHER_H
#define TQ_KERNELS_GATHER_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * MIRROR_PAD and RESIZE_NEAREST_NEIGHBOR: the output is dense over `dims`, in runs of `bytes`
 * bytes; run (i0..i3) is at input + map0[i0] + map1[i1] + map2[i2] + map3[i3], in bytes. `maps`
 * holds the four lists one behind the other.
 */
typedef struct tq_map_copy_params {
  const void *input;
  void *output;
  const int32_t *maps;
  int32_t dims[4];
  int32_t bytes;
} tq_map_copy_params;

TQ_KERNEL void tq_map_copy(const void *params);

/*
 * GATHER and EMBEDDING_LOOKUP: [batch][outer][size][inner] and indices [batch][count] give
 * [batch][outer][count][inner], `bytes` is the size of [inner]. An index outside of [0, size) is
 * taken for the nearest one inside.
 */
typedef struct tq_gather_params {
  const void *input;
  const int32_t *indices;
  void *output;
  int32_t batches;
  int32_t outer;
  int32_t size;
  int32_t count;
  int32_t bytes;
} tq_gather_params;

TQ_KERNEL void tq_gather(const void *params);

/* EMBEDDING_LOOKUP of int8 rows as float32: [size][depth], indices [count]. */
typedef struct tq_embedding_lookup_s8_f32_params {
  const int8_t *input;
  const int32_t *indices;
  float *output;
  int32_t size;
  int32_t count;
  int32_t depth;
  float scale;
} tq_embedding_lookup_s8_f32_params;

TQ_KERNEL void tq_embedding_lookup_s8_f32(const void *params);

/*
 * GATHER_ND: `count` slices of `bytes` bytes; row i of `indices` [count][depth] names the one at
 * sum_d index_d * stride[d] bytes. An index outside of [0, sizes[d]) counts as the nearest inside.
 */
typedef struct tq_gather_nd_params {
  const void *input;
  const int32_t *indices;
  void *output;
  int32_t count;
  int32_t depth;
  int32_t bytes;
  int32_t sizes[5];
  int32_t stride[5];
} tq_gather_nd_params;

TQ_KERNEL void tq_gather_nd(const void *params);

/*
 * DYNAMIC_UPDATE_SLICE: the input with a block of it replaced by `update`, which begins at the
 * indices, moved so that it fits. Four axes and the runs of `bytes` bytes along them. May run in
 * place of its input.
 */
typedef struct tq_update_slice_params {
  const void *input;
  const void *update;
  const int32_t *indices; /* [4] less those of the leading axes that it lacks */
  void *output;
  int32_t rank;
  int32_t dims[5];
  int32_t update_dims[5];
  int32_t bytes; /* of an element */
} tq_update_slice_params;

TQ_KERNEL void tq_update_slice(const void *params);

/*
 * SPACE_TO_BATCH_ND: [batches][height][width] runs of `bytes` bytes, padded to blocks. Position
 * (y, x) of block offset (by, bx) reads input row y * block_height + by - pad_top and the column
 * alike; what lies outside is filled with `fill`.
 */
typedef struct tq_space_to_batch_params {
  const void *input;
  void *output;
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t output_height;
  int32_t output_width;
  int32_t block_height;
  int32_t block_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t bytes;
  int32_t fill;
} tq_space_to_batch_params;

TQ_KERNEL void tq_space_to_batch(const void *params);

/*
 * BROADCAST_ARGS: the shape that two shapes broadcast to, each of up to `count` numbers, aligned
 * at their ends.
 */
typedef struct tq_broadcast_args_params {
  const int32_t *input1;
  const int32_t *input2;
  int32_t *output;
  int32_t count1;
  int32_t count2;
} tq_broadcast_args_params;

TQ_KERNEL void tq_broadcast_args(const void *params);

/* ---- RESIZE_BILINEAR: [batches][height][width][depth] ---- */

/* Input position under output position y: y * height_scale; half_pixel adds 1/2 before it. */
typedef struct tq_resize_bilinear_f32_params {
  const float *input;
  float *output;
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t depth;
  int32_t output_height;
  int32_t output_width;
  float height_scale;
  float width_scale;
  int32_t half_pixel_centers;
} tq_resize_bilinear_f32_params;

TQ_KERNEL void tq_resize_bilinear_f32(const void *params);

/* The same with 10 fraction bits; the scales are in those units. */
typedef struct tq_resize_bilinear_s8_params {
  const int8_t *input;
  int8_t *output;
  int32_t batches;
  int32_t height;
  int32_t width;
  int32_t depth;
  int32_t output_height;
  int32_t output_width;
  int32_t height_scale;
  int32_t width_scale;
  int32_t half_pixel_centers;
} tq_resize_bilinear_s8_params;

TQ_KERNEL void tq_resize_bilinear_s8(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_GATHER_H */
