/* SVDF */
#include "tq_reference.h"

#include <stddef.h>
#include <string.h>

#include "tq_fixed_point.h"

/*
 * The whole state moves down by one element: every filter forgets its oldest product, and its
 * last place is free for the new one.
 */
void tq_svdf_f32(const void *params) {
  const tq_svdf_f32_params *p = params;
  const int32_t filters = p->units * p->rank;
  float *state = p->state;
  const size_t kept = (size_t)(p->batches * filters * p->memory - 1);
  memmove(state, state + 1, kept * sizeof *state);
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const float *input = p->input + batch * p->input_depth;
    const float *features = p->feature_weights;
    const float *times = p->time_weights;
    for (int32_t unit = 0; unit < p->units; ++unit) {
      float sum = p->bias != NULL ? p->bias[unit] : 0.0f;
      for (int32_t filter = 0; filter < p->rank; ++filter) {
        float feature = 0.0f;
        for (int32_t i = 0; i < p->input_depth; ++i) {
          feature += input[i] * features[i];
        }
        state[p->memory - 1] = feature;
        float product = 0.0f;
        for (int32_t i = 0; i < p->memory; ++i) {
          product += times[i] * state[i];
        }
        sum += product;
        features += p->input_depth;
        times += p->memory;
        state += p->memory;
      }
      p->output[batch * p->units + unit] = tq_clamp_f32(sum, p->activation_min, p->activation_max);
    }
  }
}

static inline int32_t feature_s8(const int8_t *input, const int8_t *weights, int32_t depth,
                                 int32_t input_offset) {
  int32_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) {
    sum += (input[i] + input_offset) * weights[i];
  }
  return sum;
}

#define KERNEL tq_svdf_s8
#define PARAMS tq_svdf_s8_params
#define STATE int8_t
#define STATE_MIN INT8_MIN
#define STATE_MAX INT8_MAX
#define PRODUCT(p, sum, time, state) sum += (time) * ((state) - (p)->state_zero_point)
#include "tq_svdf_template.h"

#define KERNEL tq_svdf_state16_s8
#define PARAMS tq_svdf_state16_s8_params
#define STATE int16_t
#define STATE_MIN INT16_MIN
#define STATE_MAX INT16_MAX
#define PRODUCT(p, sum, time, state) \
  sum = tq_add_wrapping(sum, (time) * ((state) - (p)->state_zero_point))
#include "tq_svdf_template.h"
