/* MUL */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

void tq_mul_f32(const void *params) {
  const tq_binary_f32_params *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  float *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const float *input1 = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const float *input2 = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      *output++ = tq_clamp_f32(*input1 * *input2, p->activation_min, p->activation_max);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}

void tq_mul_s8(const void *params) {
  const tq_mul_s8_params *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  int8_t *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const int8_t *input1 = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const int8_t *input2 = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      const int32_t product = (*input1 + p->input1_offset) * (*input2 + p->input2_offset);
      const int32_t scaled = tq_scale(product, p->multiplier, p->shift) + p->output_offset;
      *output++ = (int8_t)tq_clamp(scaled, p->activation_min, p->activation_max);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}

void tq_mul_s16(const void *params) {
  const tq_mul_s16_params *p = params;
  const tq_broadcast *b = &p->broadcast;
  const int32_t rows = tq_broadcast_rows(b);
  int16_t *output = p->output;
  for (int32_t row = 0; row < rows; ++row) {
    const int16_t *input1 = p->input1 + tq_broadcast_offset(b->dims, b->stride1, row);
    const int16_t *input2 = p->input2 + tq_broadcast_offset(b->dims, b->stride2, row);
    for (int32_t i = 0; i < b->dims[3]; ++i) {
      const int32_t product = (*input1 + p->input1_offset) * (*input2 + p->input2_offset);
      const int32_t scaled = tq_scale(product, p->multiplier, p->shift) + p->output_offset;
      *output++ = (int16_t)tq_clamp(scaled, p->activation_min, p->activation_max);
      input1 += b->stride1[3];
      input2 += b->stride2[3];
    }
  }
}
