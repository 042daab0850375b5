/* LEAKY_RELU */
#include "tq_reference.h"

#include "tq_fixed_point.h"

void tq_leaky_relu_f32(const void *params) {
  const tq_leaky_relu_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const float value = p->input[i];
    p->output[i] = value > 0.0f ? value : value * p->alpha;
  }
}

void tq_leaky_relu_s8(const void *params) {
  const tq_leaky_relu_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t value = p->input[i] + p->input_offset;
    const int32_t scaled = value >= 0 ? tq_scale(value, p->multiplier, p->shift)
                                      : tq_scale(value, p->alpha_multiplier, p->alpha_shift);
    p->output[i] = (int8_t)tq_clamp(scaled + p->output_offset, INT8_MIN, INT8_MAX);
  }
}

void tq_leaky_relu_s16(const void *params) {
  const tq_leaky_relu_s16_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t value = p->input[i] + p->input_offset;
    const int32_t scaled = value >= 0 ? tq_scale(value, p->multiplier, p->shift)
                                      : tq_scale(value, p->alpha_multiplier, p->alpha_shift);
    p->output[i] = (int16_t)tq_clamp(scaled + p->output_offset, INT16_MIN, INT16_MAX);
  }
}
