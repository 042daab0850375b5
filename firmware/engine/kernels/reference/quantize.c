/* QUANTIZE from float32 */
#include "tq_reference.h"

#include "tq_fixed_point.h"

/* Beyond every int16 value and zero point, and exact in float32. */
#define SATURATED 131072.0f

/* value / scale to the nearest integer, ties away from zero; NaN is the smallest value. */
static inline int32_t quantized(float value, float scale) {
  float real = value / scale;
  if (!(real > -SATURATED)) {
    real = -SATURATED;
  } else if (real > SATURATED) {
    real = SATURATED;
  }
  const int32_t whole = (int32_t)real;
  const float fraction = real - (float)whole;
  if (fraction >= 0.5f) {
    return whole + 1;
  }
  return fraction <= -0.5f ? whole - 1 : whole;
}

void tq_quantize_f32_s8(const void *params) {
  const tq_quantize_f32_s8_params *p = params;
  int8_t *output = p->output;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t value = quantized(p->input[i], p->scale) + p->zero_point;
    output[i] = (int8_t)tq_clamp(value, INT8_MIN, INT8_MAX);
  }
}

void tq_quantize_f32_s16(const void *params) {
  const tq_quantize_f32_s16_params *p = params;
  int16_t *output = p->output;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t value = quantized(p->input[i], p->scale) + p->zero_point;
    output[i] = (int16_t)tq_clamp(value, INT16_MIN, INT16_MAX);
  }
}
