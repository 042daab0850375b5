/* RELU, RELU6 and RELU_N1_TO_1 on float32; on integers they are tq_requantize_* */
#include "tq_reference.h"

#include "tq_fixed_point.h"

void tq_relu_f32(const void *params) {
  const tq_relu_f32_params *p = params;
  for (int32_t i = 0; i < p->count; ++i) {
    p->output[i] = tq_clamp_f32(p->input[i], p->activation_min, p->activation_max);
  }
}
