/* DEQUANTIZE */
#include "tq_reference.h"

/*
 * The difference has at most 17 bits and the scale 24, so one float32 product rounds once, like
 * TensorFlow Lite Micro's product in double followed by the conversion to float32.
 */
void tq_dequantize_s8_f32(const void *params) {
  const tq_dequantize_s8_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = p->scale * (float)(p->input[i] - p->zero_point);
  }
}

void tq_dequantize_s16_f32(const void *params) {
  const tq_dequantize_s16_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = p->scale * (float)(p->input[i] - p->zero_point);
  }
}
