/*
 * Kernels that only the set rx_dsp has; the contract with pytest_tinyquant/engine/lowering/rx.
 * Same conventions as tq_kernels.h. Results are those of the kernels without "_rx" in their names.
 *
 * A layer's weights are those of pairs of channels; an odd number of channels is filled up with
 * zeros. A halfword holds one position of a pair: 256 * high + low + 128. Positions are taken in
 * blocks of 20, then of 8, then of 4, filled up with zeros: a block has the halfwords of every
 * pair, one pair behind the other, positions of each four in the order 0, 2, 1, 3.
 *
 * Inputs are read as words: up to three bytes behind the last one are read, and change nothing.
 */
#ifndef TQ_KERNELS_RX_H
#define TQ_KERNELS_RX_H

#include "tq_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Output = ((2 * sum + bias) * multiplier / 2^32 + rounding) / 2^shift. */
typedef struct tq_channel_rx {
  int32_t bias;       /* doubled; what inputs are more than their values is folded in */
  int32_t multiplier; /* tq_kernels.h */
  int32_t rounding;   /* half of the shift's last place, plus the output's zero point above it */
  int32_t shift;      /* to the right, in [1, 22] */
} tq_channel_rx;

/* The channels of a pixel, or the rows of a dense layer. */
typedef struct tq_channels_rx {
  const uint16_t *weights;
  const tq_channel_rx *channels; /* one of each */
  int32_t *sums;                 /* working memory: two of each pair */
  int32_t pairs;
  int32_t count; /* channels: twice the pairs, or one less */
  int32_t fives; /* blocks of 20 positions: five words of inputs */
  int32_t twos;  /* of 8 */
  int32_t ones;  /* of 4 */
  int32_t activation_min;
  int32_t activation_max;
} tq_channels_rx;

/* `column`: working memory for a pixel's window and three bytes; NULL where that is one pixel. */
typedef struct tq_conv_2d_s8_rx_params {
  tq_window window;
  const int8_t *input;
  int8_t *output;
  int8_t *column;
  int32_t input_zero_point;
  tq_channels_rx layer;
} tq_conv_2d_s8_rx_params;

TQ_KERNEL void tq_conv_2d_s8_rx(const void *params);
/* The same for any sums; those of high channels may exceed 2^23, inputs taken from 0 to 255. */
TQ_KERNEL void tq_conv_2d_deep_s8_rx(const void *params);

typedef struct tq_fully_connected_s8_rx_params {
  const int8_t *input;
  int8_t *output;
  int32_t batches;
  int32_t input_depth;
  tq_channels_rx layer;
} tq_fully_connected_s8_rx_params;

TQ_KERNEL void tq_fully_connected_s8_rx(const void *params);
TQ_KERNEL void tq_fully_connected_deep_s8_rx(const void *params);

/* Windows of up to 2 x 2; parameters are tq_max_pool_2d_s8's. */
TQ_KERNEL void tq_max_pool_2d_s8_rx(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_RX_H */
