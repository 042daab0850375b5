/* FULLY_CONNECTED on int8 and int16 */
#include "tq_mve.h"

void tq_fully_connected_s8_mve(const void *params) {
  const tq_fully_connected_s8_mve_params *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    output = tq_mve_channels_s8(&p->layer, input, output);
    input += p->layer.depth;
  }
}

void tq_fully_connected_s16_mve(const void *params) {
  const tq_fully_connected_s16_mve_params *p = params;
  const int16_t *input = p->input;
  int16_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    output = tq_mve_channels_s16(&p->layer, input, output);
    input += p->layer.depth;
  }
}
