/* FULLY_CONNECTED on float32 */
#include "tq_kernels_dsp_dense.h"

#include <stddef.h>

#include "tq_dsp_runs_f32.h"
#include "tq_fixed_point.h"

static inline float finish(const tq_fully_connected_f32_params *p, int32_t row, float sum) {
  const float biased = sum + (p->bias != NULL ? p->bias[row] : 0.0f);
  return tq_clamp_f32(biased, p->activation_min, p->activation_max);
}

void tq_fully_connected_f32_dsp(const void *params) {
  const tq_fully_connected_f32_params *p = params;
  const tq_runs_f32 runs = {1, p->input_depth, 0, 0};
  const float *input = p->input;
  float *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const float *weights = p->weights;
    int32_t row = 0;
    for (; row + 4 <= p->output_depth; row += 4) {
      float sums[4];
      tq_sum_runs_of_group_f32(&runs, input, weights, sums);
      weights += 4 * p->input_depth;
      for (int32_t i = 0; i < 4; ++i) {
        *output++ = finish(p, row + i, sums[i]);
      }
    }
    for (; row < p->output_depth; ++row) {
      *output++ = finish(p, row, tq_sum_runs_of_row_f32(&runs, input, weights));
      weights += p->input_depth;
    }
    input += p->input_depth;
  }
}
