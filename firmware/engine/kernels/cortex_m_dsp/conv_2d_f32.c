/* CONV_2D on float32 */
#include "tq_kernels_dsp_dense.h"

#include <stddef.h>

#include "tq_dsp_runs_f32.h"
#include "tq_fixed_point.h"
#include "tq_iteration.h"

static inline float finish(const tq_conv_2d_f32_params *p, int32_t channel, float sum) {
  const float biased = sum + (p->bias != NULL ? p->bias[channel] : 0.0f);
  return tq_clamp_f32(biased, p->activation_min, p->activation_max);
}

/* One output pixel; `input` and `first` (a row's weight) belong to the window's first position. */
static inline float *convolve_pixel(const tq_conv_2d_f32_params *p, const tq_runs_f32 *group,
                                    const float *input, int32_t first, float *output) {
  const tq_window *w = &p->window;
  const int32_t filter = w->filter_height * w->filter_width * w->input_channels;
  const float *weights = p->weights;
  int32_t channel = 0;
  for (; channel + 4 <= w->output_channels; channel += 4) {
    float sums[4];
    tq_sum_runs_of_group_f32(group, input, weights + 4 * first, sums);
    weights += 4 * filter;
    for (int32_t i = 0; i < 4; ++i) {
      *output++ = finish(p, channel + i, sums[i]);
    }
  }
  tq_runs_f32 row = *group;
  row.weights_stride /= 4;
  for (; channel < w->output_channels; ++channel) {
    *output++ = finish(p, channel, tq_sum_runs_of_row_f32(&row, input, weights + first));
    weights += filter;
  }
  return output;
}

void tq_conv_2d_f32_dsp(const void *params) {
  const tq_conv_2d_f32_params *p = params;
  const tq_window *w = &p->window;
  const int32_t depth = w->input_channels;
  const int32_t image_size = w->input_height * w->input_width * depth;
  const float *image = p->input;
  float *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int32_t length = (columns.end - columns.begin) * depth;
        const tq_runs_f32 runs = {
            .runs = rows.end - rows.begin,
            .length = length,
            .input_stride = (w->input_width * depth - length) * (int32_t)sizeof(float),
            .weights_stride = (w->filter_width * depth - length) * 4 * (int32_t)sizeof(float),
        };
        const int32_t position = (y0 + rows.begin) * w->input_width + x0 + columns.begin;
        const int32_t first = (rows.begin * w->filter_width + columns.begin) * depth;
        output = convolve_pixel(p, &runs, image + position * depth, first, output);
      }
    }
    image += image_size;
  }
}
