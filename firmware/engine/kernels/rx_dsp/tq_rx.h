/* What the kernels of this set share. */
#ifndef TQ_RX_H
#define TQ_RX_H

#include "tq_kernels_rx.h"

/*
 * The outputs of all channels for one column of inputs; where the next ones go. The first one needs
 * sums of high channels below 2^23, inputs taken from 0 to 255. channels_s8.S
 */
typedef int8_t *tq_rx_channels(const tq_channels_rx *layer, const int8_t *column, int8_t *output);
tq_rx_channels tq_rx_channels_s8;
tq_rx_channels tq_rx_channels_deep_s8;

/*
 * Copies rows of bytes, `down` bytes apart, one behind the other; fills with a word of four equal
 * bytes. Both return where the next bytes go, and go by words: up to three bytes behind the last
 * one are read, and written. copy.S
 */
int8_t *tq_rx_copy_rows(int8_t *to, const int8_t *from, int32_t bytes, int32_t rows, int32_t down);
int8_t *tq_rx_fill(int8_t *to, uint32_t word, int32_t bytes);

/* Before the first column: the sums of all pairs of channels begin with 0. */
static inline void tq_rx_clear(const tq_channels_rx *layer) {
  for (int32_t i = 0; i < 2 * layer->pairs; ++i) {
    layer->sums[i] = 0;
  }
}

#endif /* TQ_RX_H */
