/* FULLY_CONNECTED on int8: the input is a column */
#include "tq_rx.h"

static void dense(const tq_fully_connected_s8_rx_params *p, tq_rx_channels *channels) {
  const int8_t *input = p->input;
  int8_t *output = p->output;
  tq_rx_clear(&p->layer);
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    output = channels(&p->layer, input, output);
    input += p->input_depth;
  }
}

void tq_fully_connected_s8_rx(const void *params) { dense(params, tq_rx_channels_s8); }

void tq_fully_connected_deep_s8_rx(const void *params) { dense(params, tq_rx_channels_deep_s8); }
