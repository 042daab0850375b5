/*
 * Layers on int8 whose weights are int4: two to a byte, the first in its lower half, in the order
 * of the .tflite file, whose rows may begin in the middle of a byte. Parameters are those of the
 * kernels on int8 weights.
 */
#ifndef TQ_KERNELS_INT4_H
#define TQ_KERNELS_INT4_H

#include <stdint.h>

#include "tq_kernel.h"
#include "tq_kernels_convolution.h"
#include "tq_kernels_fully_connected.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Weight number `index`. */
static inline int32_t tq_int4(const int8_t *packed, int32_t index) {
  const uint8_t both = (uint8_t)packed[index >> 1];
  const int32_t half = (both >> 4 * (index & 1)) & 15;
  return (half ^ 8) - 8;
}

/* tq_conv_2d_s8_params */
TQ_KERNEL void tq_conv_2d_s4(const void *params);

/* tq_depthwise_conv_2d_s8_params */
TQ_KERNEL void tq_depthwise_conv_2d_s4(const void *params);

/* tq_fully_connected_s8_params */
TQ_KERNEL void tq_fully_connected_s4(const void *params);

/* tq_fully_connected_per_channel_s8_params */
TQ_KERNEL void tq_fully_connected_per_channel_s4(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_INT4_H */
