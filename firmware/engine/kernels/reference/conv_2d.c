/* CONV_2D */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

void tq_conv_2d_f32(const void *params) {
  const tq_conv_2d_f32_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  const int32_t step = w->dilation_width * w->input_channels;
  const int32_t filter_row = w->filter_width * w->input_channels;
  float *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const float *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows =
          tq_clip_window(y0, w->filter_height, w->dilation_height, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns =
            tq_clip_window(x0, w->filter_width, w->dilation_width, w->input_width);
        const float *filter = p->weights;
        for (int32_t channel = 0; channel < w->output_channels; ++channel) {
          float sum = 0.0f;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const float *line = image + (y0 + ky * w->dilation_height) * row;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const float *in = line + x0 * w->input_channels + kx * step;
              const float *weights = filter + ky * filter_row + kx * w->input_channels;
              for (int32_t i = 0; i < w->input_channels; ++i) {
                sum += in[i] * weights[i];
              }
            }
          }
          sum += p->bias != NULL ? p->bias[channel] : 0.0f;
          *output++ = tq_clamp_f32(sum, p->activation_min, p->activation_max);
          filter += w->filter_height * filter_row;
        }
      }
    }
  }
}

void tq_conv_2d_s8(const void *params) {
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
        const int8_t *filter = p->weights;
        for (int32_t channel = 0; channel < w->output_channels; ++channel) {
          int32_t sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const int8_t *line = image + (y0 + ky * w->dilation_height) * row;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const int8_t *in = line + x0 * w->input_channels + kx * step;
              const int8_t *weights = filter + ky * filter_row + kx * w->input_channels;
              for (int32_t i = 0; i < w->input_channels; ++i) {
                sum += (in[i] + p->input_offset) * weights[i];
              }
            }
          }
          const int32_t biased = tq_add_wrapping(sum, p->bias != NULL ? p->bias[channel] : 0);
          const int32_t scaled =
              tq_scale(biased, p->multipliers[channel], p->shifts[channel]) + p->output_offset;
          *output++ = (int8_t)tq_clamp(scaled, p->activation_min, p->activation_max);
          filter += w->filter_height * filter_row;
        }
      }
    }
  }
}

void tq_conv_2d_s16(const void *params) {
  const tq_conv_2d_s16_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  const int32_t step = w->dilation_width * w->input_channels;
  const int32_t filter_row = w->filter_width * w->input_channels;
  int16_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int16_t *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows =
          tq_clip_window(y0, w->filter_height, w->dilation_height, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns =
            tq_clip_window(x0, w->filter_width, w->dilation_width, w->input_width);
        const int8_t *filter = p->weights;
        for (int32_t channel = 0; channel < w->output_channels; ++channel) {
          int64_t sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const int16_t *line = image + (y0 + ky * w->dilation_height) * row;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const int16_t *in = line + x0 * w->input_channels + kx * step;
              const int8_t *weights = filter + ky * filter_row + kx * w->input_channels;
              for (int32_t i = 0; i < w->input_channels; ++i) {
                sum += in[i] * weights[i];
              }
            }
          }
          sum += p->bias != NULL ? p->bias[channel] : 0;
          const int32_t scaled =
              tq_scale_64(sum, p->multipliers[channel], p->right_shifts[channel]);
          *output++ = (int16_t)tq_clamp(scaled, p->activation_min, p->activation_max);
          filter += w->filter_height * filter_row;
        }
      }
    }
  }
}

void tq_conv_2d_acc32_s16(const void *params) {
  const tq_conv_2d_acc32_s16_params *p = params;
  const tq_window *w = &p->window;
  const int32_t row = w->input_width * w->input_channels;
  const int32_t step = w->dilation_width * w->input_channels;
  const int32_t filter_row = w->filter_width * w->input_channels;
  int16_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int16_t *image = p->input + batch * w->input_height * row;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows =
          tq_clip_window(y0, w->filter_height, w->dilation_height, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns =
            tq_clip_window(x0, w->filter_width, w->dilation_width, w->input_width);
        const int8_t *filter = p->weights;
        for (int32_t channel = 0; channel < w->output_channels; ++channel) {
          uint32_t sum = 0;
          for (int32_t ky = rows.begin; ky < rows.end; ++ky) {
            const int16_t *line = image + (y0 + ky * w->dilation_height) * row;
            for (int32_t kx = columns.begin; kx < columns.end; ++kx) {
              const int16_t *in = line + x0 * w->input_channels + kx * step;
              const int8_t *weights = filter + ky * filter_row + kx * w->input_channels;
              for (int32_t i = 0; i < w->input_channels; ++i) {
                sum += (uint32_t)(in[i] * weights[i]);
              }
            }
          }
          sum += (uint32_t)p->bias[channel];
          const int32_t scaled =
              tq_scale((int32_t)sum, p->multipliers[channel], p->shifts[channel]);
          *output++ = (int16_t)tq_clamp(scaled, p->activation_min, p->activation_max);
          filter += w->filter_height * filter_row;
        }
      }
    }
  }
}
