/* FULLY_CONNECTED on int8 with int4 weights */
#include "tq_reference.h"

#include "tq_fixed_point.h"

/* The products of one row, whose first weight is number `first`. */
static inline int32_t dot(const int8_t *input, const int8_t *packed, int32_t first, int32_t depth) {
  int32_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) {
    sum += input[i] * tq_int4(packed, first + i);
  }
  return sum;
}

void tq_fully_connected_s4(const void *params) {
  const tq_fully_connected_s8_params *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    for (int32_t row = 0; row < p->output_depth; ++row) {
      const int32_t sum = dot(input, p->weights, row * p->input_depth, p->input_depth);
      const int32_t biased = tq_add_wrapping(sum, p->bias[row]);
      const int32_t scaled = tq_scale(biased, p->multiplier, p->shift) + p->output_offset;
      *output++ = (int8_t)tq_clamp(scaled, p->activation_min, p->activation_max);
    }
    input += p->input_depth;
  }
}

void tq_fully_connected_per_channel_s4(const void *params) {
  const tq_fully_connected_per_channel_s8_params *p = params;
  const int8_t *input = p->input;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    for (int32_t row = 0; row < p->output_depth; ++row) {
      const int32_t sum = dot(input, p->weights, row * p->input_depth, p->input_depth);
      const int32_t biased = tq_add_wrapping(sum, p->bias[row]);
      const int32_t scaled =
          tq_scale(biased, p->multipliers[row], p->shifts[row]) + p->output_offset;
      *output++ = (int8_t)tq_clamp(scaled, p->activation_min, p->activation_max);
    }
    input += p->input_depth;
  }
}
