/* ADD */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

/* Bits of headroom that keep precision while the inputs are brought to one scale. */
#define LEFT_SHIFT_S8 20
#define LEFT_SHIFT_S16 15

void tq_add_f32(const void *params) {
  const tq_binary_f32_params *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  float *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const float *input1 = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const float *input2 = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      *output++ = tq_clamp_f32(*input1 + *input2, p->activation_min, p->activation_max);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}

void tq_add_s8(const void *params) {
  const tq_add_s8_params *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  int8_t *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const int8_t *input1 = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const int8_t *input2 = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      const int32_t scaled1 = tq_scale((*input1 + p->input1_offset) * (1 << LEFT_SHIFT_S8),
                                       p->input1_multiplier, p->input1_shift);
      const int32_t scaled2 = tq_scale((*input2 + p->input2_offset) * (1 << LEFT_SHIFT_S8),
                                       p->input2_multiplier, p->input2_shift);
      const int32_t result = tq_scale(scaled1 + scaled2, p->output_multiplier, p->output_shift);
      *output++ = (int8_t)tq_clamp(result + p->output_offset, p->activation_min, p->activation_max);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}

void tq_add_s16(const void *params) {
  const tq_add_s16_params *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  int16_t *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const int16_t *input1 = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const int16_t *input2 = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      const int32_t scaled1 = tq_scale((*input1 + p->input1_offset) * (1 << LEFT_SHIFT_S16),
                                       p->input1_multiplier, p->input1_shift);
      const int32_t scaled2 = tq_scale((*input2 + p->input2_offset) * (1 << LEFT_SHIFT_S16),
                                       p->input2_multiplier, p->input2_shift);
      const int32_t result = tq_scale(scaled1 + scaled2, p->output_multiplier, p->output_shift);
      *output++ =
          (int16_t)tq_clamp(result + p->output_offset, p->activation_min, p->activation_max);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}
