/* FULLY_CONNECTED */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"

void tq_fully_connected_f32(const void *params) {
  const tq_fully_connected_f32_params *p = params;
  const float *input = p->input;
  float *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const float *weights = p->weights;
    for (int32_t channel = 0; channel < p->output_depth; ++channel) {
      float sum = 0.0f;
      for (int32_t i = 0; i < p->input_depth; ++i) {
        sum += input[i] * weights[i];
      }
      sum += p->bias != NULL ? p->bias[channel] : 0.0f;
      *output++ = tq_clamp_f32(sum, p->activation_min, p->activation_max);
      weights += p->input_depth;
    }
    input += p->input_depth;
  }
}

static inline int32_t dot_s8(const int8_t *input, const int8_t *weights, int32_t depth) {
  int32_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) {
    sum += input[i] * weights[i];
  }
  return sum;
}

static inline int64_t dot_s16(const int16_t *input, const int8_t *weights, int32_t depth) {
  int64_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) {
    sum += input[i] * weights[i];
  }
  return sum;
}

/* A sum and its bias, scaled and limited. */
#define FINISH_S8(p, channel, sum, multiplier, shift, output)                      \
  const int32_t biased = tq_add_wrapping(sum, (p)->bias[channel]);                 \
  const int32_t scaled = tq_scale(biased, multiplier, shift) + (p)->output_offset; \
  *output++ = (int8_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)

#define FINISH_S16(p, channel, sum, multiplier, right_shift, output) \
  sum += (p)->bias != NULL ? (p)->bias[channel] : 0;                 \
  const int32_t scaled = tq_scale_64(sum, multiplier, right_shift);  \
  *output++ = (int16_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)

#define KERNEL tq_fully_connected_s8
#define PARAMS tq_fully_connected_s8_params
#define ELEMENT int8_t
#define SUM int32_t
#define DOT dot_s8
#define FINISH(p, channel, sum, output) \
  FINISH_S8(p, channel, sum, (p)->multiplier, (p)->shift, output)
#include "tq_fully_connected_template.h"

#define KERNEL tq_fully_connected_per_channel_s8
#define PARAMS tq_fully_connected_per_channel_s8_params
#define ELEMENT int8_t
#define SUM int32_t
#define DOT dot_s8
#define FINISH(p, channel, sum, output) \
  FINISH_S8(p, channel, sum, (p)->multipliers[channel], (p)->shifts[channel], output)
#include "tq_fully_connected_template.h"

#define KERNEL tq_fully_connected_s16
#define PARAMS tq_fully_connected_s16_params
#define ELEMENT int16_t
#define SUM int64_t
#define DOT dot_s16
#define FINISH(p, channel, sum, output) \
  FINISH_S16(p, channel, sum, (p)->multiplier, (p)->right_shift, output)
#include "tq_fully_connected_template.h"

#define KERNEL tq_fully_connected_per_channel_s16
#define PARAMS tq_fully_connected_per_channel_s16_params
#define ELEMENT int16_t
#define SUM int64_t
#define DOT dot_s16
#define FINISH(p, channel, sum, output) \
  FINISH_S16(p, channel, sum, (p)->multipliers[channel], (p)->right_shifts[channel], output)
#include "tq_fully_connected_template.h"
