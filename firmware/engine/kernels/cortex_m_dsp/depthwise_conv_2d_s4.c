/* DEPTHWISE_CONV_2D on int8 with int4 weights: unpacked, then as with int8 weights */
#include "tq_kernels_dsp_int4.h"

static void unpack(int8_t *to, const int8_t *packed, int32_t count) {
  for (int32_t i = 0; i < count; ++i) {
    to[i] = (int8_t)tq_int4(packed, i);
  }
}

void tq_depthwise_conv_2d_s4_dsp(const void *params) {
  const tq_depthwise_conv_2d_s4_dsp_params *p = params;
  unpack(p->unpacked, p->packed, p->count);
  tq_depthwise_conv_2d_s8_dsp(&p->layer);
}

void tq_depthwise_conv_2d_3x3_s4_dsp(const void *params) {
  const tq_depthwise_conv_2d_3x3_s4_dsp_params *p = params;
  unpack(p->unpacked, p->packed, p->count);
  tq_depthwise_conv_2d_3x3_s8_dsp(&p->layer);
}
