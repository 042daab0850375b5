/* LOGISTIC */
#include "tq_reference.h"

#include <math.h>

#include "tq_tables.h"

/* Outside these limits 1 / (1 + exp(-x)) is 1, and exp(x), to within float32. */
#define ONE_ABOVE 16.619047164916992188f
#define EXP_BELOW -9.0f

void tq_logistic_f32(const void *params) {
  const tq_unary_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const float value = p->input[i];
    if (value > ONE_ABOVE) {
      p->output[i] = 1.0f;
    } else if (value < EXP_BELOW) {
      p->output[i] = expf(value);
    } else {
      p->output[i] = 1.0f / (1.0f + expf(-value));
    }
  }
}

void tq_logistic_s8(const void *params) {
  const tq_table_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = p->table[p->input[i] + 128];
  }
}

/* sigmoid(|x|) in Q1.25; `argument` is |x| in units of 1 / (24 * 2^9). */
static inline int32_t sigmoid_of_magnitude(uint32_t argument) {
  const uint32_t index = argument >> 9;
  if (index >= 255) {
    return 0x7fff << 10;
  }
  const uint32_t low = tq_sigmoid_table_s16[index];
  const uint32_t high = tq_sigmoid_table_s16[index + 1];
  return (int32_t)((low << 9) + (argument & 0x1ff) * (high - low));
}

void tq_logistic_s16(const void *params) {
  const tq_sigmoid_s16_params *p = params;
  const int32_t half = p->right_shift > 0 ? 1 << (p->right_shift - 1) : 0;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t argument = (p->input[i] * p->multiplier + half) >> p->right_shift;
    const int32_t sigmoid =
        sigmoid_of_magnitude(argument < 0 ? 0u - (uint32_t)argument : (uint32_t)argument);
    const int32_t result = argument >= 0 ? sigmoid : (1 << 25) - 1 - sigmoid;
    p->output[i] = (int16_t)((result + (1 << 9)) >> 10);
  }
}
