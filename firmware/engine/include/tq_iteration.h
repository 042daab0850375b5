/* How kernels walk over windows and broadcast operands. */
#ifndef TQ_ITERATION_H
#define TQ_ITERATION_H

#include "tq_kernels.h"

/* Filter positions [begin, end) that fall into the input; none when end <= begin. */
typedef struct tq_range {
  int32_t begin;
  int32_t end;
} tq_range;

/* `origin` is the input position under filter position 0; it may be negative. */
static inline tq_range tq_clip_window(int32_t origin, int32_t filter, int32_t dilation,
                                      int32_t input) {
  tq_range range = {0, filter};
  if (origin < 0) {
    range.begin = (-origin + dilation - 1) / dilation;
  }
  if (origin + (filter - 1) * dilation >= input) {
    range.end = origin < input ? (input - origin + dilation - 1) / dilation : 0;
  }
  return range;
}

static inline int32_t tq_window_origin_y(const tq_window *window, int32_t output_y) {
  return output_y * window->stride_height - window->pad_top;
}

static inline int32_t tq_window_origin_x(const tq_window *window, int32_t output_x) {
  return output_x * window->stride_width - window->pad_left;
}

/* Number of runs along the last axis. */
static inline int32_t tq_broadcast_rows(const tq_broadcast *broadcast) {
  return broadcast->dims[0] * broadcast->dims[1] * broadcast->dims[2];
}

/* Where run `row` of an operand with these strides begins. */
static inline int32_t tq_broadcast_offset(const int32_t dims[4], const int32_t stride[4],
                                          int32_t row) {
  const int32_t i2 = row % dims[2];
  const int32_t i1 = row / dims[2] % dims[1];
  const int32_t i0 = row / dims[2] / dims[1];
  return i0 * stride[0] + i1 * stride[1] + i2 * stride[2];
}

/* Where the element with five indices is, with these strides. */
static inline int32_t tq_position(const int32_t index[5], const int32_t stride[5]) {
  return index[0] * stride[0] + index[1] * stride[1] + index[2] * stride[2] + index[3] * stride[3] +
         index[4] * stride[4];
}

#endif /* TQ_ITERATION_H */
