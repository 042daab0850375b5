/* Sliding windows: convolution, depthwise convolution, pooling. */
#ifndef TQ_WINDOW_H
#define TQ_WINDOW_H

#include <stdint.h>

/*
 * Output (y, x) looks at input rows y * stride_height - pad_top + k * dilation_height and columns
 * x * stride_width - pad_left + k * dilation_width; positions outside the input are left out.
 * Pooling has dilation 1 and output_channels == input_channels. For depthwise convolution,
 * output_channels == input_channels * depth_multiplier.
 */
typedef struct tq_window {
  uint16_t batches;
  uint16_t input_height;
  uint16_t input_width;
  uint16_t input_channels;
  uint16_t filter_height;
  uint16_t filter_width;
  uint16_t output_height;
  uint16_t output_width;
  uint16_t output_channels;
  uint16_t stride_height;
  uint16_t stride_width;
  uint16_t dilation_height;
  uint16_t dilation_width;
  uint16_t pad_top;
  uint16_t pad_left;
} tq_window;

#endif /* TQ_WINDOW_H */
