/* AVERAGE_POOL_2D */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

/* sum / count, ties away from zero. */
static inline int32_t rounded_mean(int32_t sum, int32_t count) {
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

void tq_average_pool_2d_f32(const void *params) {
  const tq_pool_2d_f32_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  float *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const float *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int32_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          float sum = 0.0f;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const float *line = image + (y0 + ky) * row + x0 * w->input_channels + channel;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const float in = line[kx * w->input_channels];
              sum += in;
            }
          }
          *output++ = tq_clamp_f32(sum / (float)count, p->activation_min, p->activation_max);
        }
      }
    }
  }
}

void tq_average_pool_2d_s8(const void *params) {
  const tq_pool_2d_s8_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int8_t *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int32_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          int32_t sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const int8_t *line = image + (y0 + ky) * row + x0 * w->input_channels + channel;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const int8_t in = line[kx * w->input_channels];
              sum += in;
            }
          }
          const int32_t mean = rounded_mean(sum, count);
          *output++ = (int8_t)tq_clamp(mean, p->activation_min, p->activation_max);
        }
      }
    }
  }
}

void tq_average_pool_2d_s16(const void *params) {
  const tq_pool_2d_s16_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  int16_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int16_t *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int32_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          int32_t sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const int16_t *line = image + (y0 + ky) * row + x0 * w->input_channels + channel;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const int16_t in = line[kx * w->input_channels];
              sum += in;
            }
          }
          const int32_t mean = rounded_mean(sum, count);
          *output++ = (int16_t)tq_clamp(mean, p->activation_min, p->activation_max);
        }
      }
    }
  }
}
