/* QUANTIZE between integer types, and RELU and RELU6 on integer tensors */
#include "tq_reference.h"

#include "tq_fixed_point.h"

void tq_requantize_s8_s8(const void *params) {
  const tq_requantize_s8_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t scaled = tq_scale(p->input[i] + p->input_offset, p->multiplier, p->shift);
    p->output[i] =
        (int8_t)tq_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
  }
}

void tq_requantize_s8_s16(const void *params) {
  const tq_requantize_s8_s16_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t scaled = tq_scale(p->input[i] + p->input_offset, p->multiplier, p->shift);
    p->output[i] =
        (int16_t)tq_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
  }
}

void tq_requantize_s16_s8(const void *params) {
  const tq_requantize_s16_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t scaled = tq_scale(p->input[i] + p->input_offset, p->multiplier, p->shift);
    p->output[i] =
        (int8_t)tq_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
  }
}

void tq_requantize_s16_s16(const void *params) {
  const tq_requantize_s16_s16_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t scaled = tq_scale(p->input[i] + p->input_offset, p->multiplier, p->shift);
    p->output[i] =
        (int16_t)tq_clamp(scaled + p->output_offset, p->activation_min, p->activation_max);
  }
}
