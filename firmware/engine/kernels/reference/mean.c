/* MEAN */
#include "tq_reference.h"

#include "tq_fixed_point.h"

void tq_mean_f32(const void *params) {
  const tq_mean_f32_params *p = params;
  float *output = p->output;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    const float *block = p->input + outer * p->reduced * p->inner;
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      float sum = 0.0f;
      for (int32_t i = 0; i < p->reduced; ++i) {
        sum += block[i * p->inner + inner];
      }
      *output++ = sum / (float)p->reduced;
    }
  }
}

void tq_mean_s8(const void *params) {
  const tq_mean_s8_params *p = params;
  int8_t *output = p->output;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    const int8_t *block = p->input + outer * p->reduced * p->inner;
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      int32_t sum = 0;
      for (int32_t i = 0; i < p->reduced; ++i) {
        sum += block[i * p->inner + inner] + p->input_offset;
      }
      const int32_t mean = tq_scale(sum, p->multiplier, p->shift) + p->output_offset;
      *output++ = (int8_t)tq_clamp(mean, INT8_MIN, INT8_MAX);
    }
  }
}

void tq_mean_s16(const void *params) {
  const tq_mean_s16_params *p = params;
  int16_t *output = p->output;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    const int16_t *block = p->input + outer * p->reduced * p->inner;
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      int32_t sum = 0;
      for (int32_t i = 0; i < p->reduced; ++i) {
        sum += block[i * p->inner + inner] + p->input_offset;
      }
      const int32_t mean = tq_scale(sum, p->multiplier, p->shift) + p->output_offset;
      *output++ = (int16_t)tq_clamp(mean, INT16_MIN, INT16_MAX);
    }
  }
}
