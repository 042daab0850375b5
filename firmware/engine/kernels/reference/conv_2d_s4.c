/* CONV_2D on int8 with int4 weights */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_arithmetic_s8.h"
#include "tq_fixed_point.h"
#include "tq_iteration.h"

void tq_conv_2d_s4(const void *params) {
  const tq_conv_2d_s8_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  const int32_t step = w->dilation_width * w->input_channels;
  const int32_t filter_row = w->filter_width * w->input_channels;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int8_t *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows =
          tq_clip_window(y0, w->filter_height, w->dilation_height, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns =
            tq_clip_window(x0, w->filter_width, w->dilation_width, w->input_width);
        int32_t filter = 0;
        for (int32_t channel = 0; channel < w->output_channels; ++channel) {
          int32_t sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const int8_t *line = image + (y0 + ky * w->dilation_height) * row;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const int8_t *in = line + x0 * w->input_channels + kx * step;
              const int32_t first = filter + ky * filter_row + kx * w->input_channels;
              for (int32_t i = 0; i < w->input_channels; ++i) {
                sum += PRODUCT(p, in[i], tq_int4(p->weights, first + i));
              }
            }
          }
          FINISH(p, channel, sum, output);
          filter += w->filter_height * filter_row;
        }
      }
    }
  }
}
