/* TANH */
#include "tq_reference.h"

#include <math.h>

#include "tq_tables.h"

void tq_tanh_f32(const void *params) {
  const tq_unary_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = tanhf(p->input[i]);
  }
}

void tq_tanh_s8(const void *params) {
  const tq_table_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = p->table[p->input[i] + 128];
  }
}

/* sigmoid(2 |x|) in Q1.24; `argument` is |x| in units of 1 / (48 * 2^8). */
static inline int32_t sigmoid_of_twice_magnitude(uint32_t argument) {
  const uint32_t index = argument >> 8;
  if (index >= 255) {
    return 0xffff << 8;
  }
  const uint32_t low = tq_sigmoid_table_s16[index];
  const uint32_t high = tq_sigmoid_table_s16[index + 1];
  return (int32_t)((low << 8) + (argument & 0xff) * (high - low));
}

/* tanh(x) = 2 * sigmoid(2 * x) - 1 */
void tq_tanh_s16(const void *params) {
  const tq_sigmoid_s16_params *p = params;
  const int32_t half = p->right_shift > 0 ? 1 << (p->right_shift - 1) : 0;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t argument = (p->input[i] * p->multiplier + half) >> p->right_shift;
    const int32_t sigmoid =
        sigmoid_of_twice_magnitude(argument < 0 ? 0u - (uint32_t)argument : (uint32_t)argument);
    const int32_t result = argument >= 0 ? sigmoid - (1 << 23) : (1 << 23) - 1 - sigmoid;
    p->output[i] = (int16_t)((result + (1 << 7)) >> 8);
  }
}
