/* DEPTHWISE_CONV_2D on float32 */
#include "tq_kernels_dsp_dense.h"

#include <stddef.h>

#include "tq_dsp_taps_f32.h"
#include "tq_fixed_point.h"
#include "tq_iteration.h"

enum { CHANNELS = 8 };

/* One output pixel; `input` and `weights` belong to the first tap inside the image. */
static inline float *convolve_pixel(const tq_depthwise_conv_2d_f32_params *p,
                                    const tq_taps_f32 *taps, const float *input,
                                    const float *weights, float *output) {
  for (int32_t channel = 0; channel < p->window.output_channels; channel += CHANNELS) {
    float sums[CHANNELS];
    tq_sum_taps_f32(taps, input + channel, weights + channel, sums);
    for (int32_t i = 0; i < CHANNELS; ++i) {
      const float biased = sums[i] + (p->bias != NULL ? p->bias[channel + i] : 0.0f);
      *output++ = tq_clamp_f32(biased, p->activation_min, p->activation_max);
    }
  }
  return output;
}

void tq_depthwise_conv_2d_f32_dsp(const void *params) {
  const tq_depthwise_conv_2d_f32_params *p = params;
  const tq_window *w = &p->window;
  const int32_t depth = w->input_channels;
  const int32_t pixel = depth * (int32_t)sizeof(float);
  const float *image = p->input;
  float *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int32_t count = columns.end - columns.begin;
        const tq_taps_f32 taps = {
            .rows = rows.end - rows.begin,
            .columns = count,
            .input_tap = pixel,
            .input_row = (w->input_width - count) * pixel,
            .weights_tap = pixel,
            .weights_row = (w->filter_width - count) * pixel,
        };
        const int32_t position = (y0 + rows.begin) * w->input_width + x0 + columns.begin;
        const int32_t tap = rows.begin * w->filter_width + columns.begin;
        output =
            convolve_pixel(p, &taps, image + position * depth, p->weights + tap * depth, output);
      }
    }
    image += w->input_height * w->input_width * depth;
  }
}
