/* ADD_N */
#include "tq_reference.h"

#include "tq_fixed_point.h"

#define LEFT_SHIFT 20

void tq_add_n_f32(const void *params) {
  const tq_add_n_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    float sum = 0.0f;
    for (int32_t j = 0; j < p->input_count; ++j) {
      sum += ((const float *)p->inputs[j].input)[i];
    }
    p->output[i] = sum;
  }
}

static inline int32_t scaled(const tq_add_n_s8_params *p, int32_t value) {
  return tq_scale((value + p->input_offset) * (1 << LEFT_SHIFT), p->input_multiplier,
                  p->input_shift);
}

/* The sum begins with the scaled offset, as if there were one more input, all 0. */
void tq_add_n_s8(const void *params) {
  const tq_add_n_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    int32_t sum = scaled(p, 0);
    for (int32_t j = 0; j < p->input_count; ++j) {
      sum = tq_add_wrapping(sum, scaled(p, ((const int8_t *)p->inputs[j].input)[i]));
    }
    const int32_t result = tq_scale(sum, p->output_multiplier, p->output_shift);
    p->output[i] = (int8_t)tq_clamp(result + p->output_offset, INT8_MIN, INT8_MAX);
  }
}
