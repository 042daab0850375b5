/* LOGISTIC */
#include "tq_reference.h"

#include "tq_sigmoid.h"

void tq_logistic_f32(const void *params) {
  const tq_unary_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = tq_logistic_of_f32(p->input[i]);
  }
}

void tq_logistic_s8(const void *params) {
  const tq_table_s8_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = p->table[p->input[i] + 128];
  }
}

void tq_logistic_s16(const void *params) {
  const tq_sigmoid_s16_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t argument = tq_sigmoid_argument(p->input[i], p->multiplier, p->right_shift);
    p->output[i] = tq_logistic_of_s16(argument);
  }
}
