/* TRANSPOSE_CONV, gathering: an output sums what the inputs under the filter add to it. */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

/* Inputs [begin, end) that reach output position `position` - pad = `origin`. */
static inline tq_range contributors(int32_t origin, int32_t filter, int32_t stride,
                                    int32_t inputs) {
  const int32_t before = origin - filter + 1;
  tq_range range = {before > 0 ? (before + stride - 1) / stride : 0, origin / stride + 1};
  range.end = range.end < inputs ? range.end : inputs;
  return range;
}

void tq_transpose_conv_f32(const void *params) {
  const tq_transpose_conv_f32_params *p = params;
  const tq_window *w = &p->window;
  const int32_t depth = w->output_channels;
  float *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const float *image = p->input + batch * w->output_height * w->output_width * depth;
    for (int32_t y = 0; y < w->input_height; ++y) {
      const int32_t y0 = y + w->pad_top;
      const tq_range rows = contributors(y0, w->filter_height, w->stride_height, w->output_height);
      for (int32_t x = 0; x < w->input_width; ++x) {
        const int32_t x0 = x + w->pad_left;
        const tq_range columns =
            contributors(x0, w->filter_width, w->stride_width, w->output_width);
        const float *filter = p->weights;
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          float sum = 0.0f;
          for (int32_t iy = rows.begin; iy < rows.end; ++iy) {
            const int32_t ky = y0 - iy * w->stride_height;
            for (int32_t ix = columns.begin; ix < columns.end; ++ix) {
              const int32_t kx = x0 - ix * w->stride_width;
              const float *in = image + (iy * w->output_width + ix) * depth;
              const float *weights = filter + (ky * w->filter_width + kx) * depth;
              for (int32_t i = 0; i < depth; ++i) {
                sum += in[i] * weights[i];
              }
            }
          }
          sum += p->bias != NULL ? p->bias[channel] : 0.0f;
          *output++ = tq_clamp_f32(sum, p->activation_min, p->activation_max);
          filter += w->filter_height * w->filter_width * depth;
        }
      }
    }
  }
}

void tq_transpose_conv_s8(const void *params) {
  const tq_transpose_conv_s8_params *p = params;
  const tq_window *w = &p->window;
  const int32_t depth = w->output_channels;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int8_t *image = p->input + batch * w->output_height * w->output_width * depth;
    for (int32_t y = 0; y < w->input_height; ++y) {
      const int32_t y0 = y + w->pad_top;
      const tq_range rows = contributors(y0, w->filter_height, w->stride_height, w->output_height);
      for (int32_t x = 0; x < w->input_width; ++x) {
        const int32_t x0 = x + w->pad_left;
        const tq_range columns =
            contributors(x0, w->filter_width, w->stride_width, w->output_width);
        const int8_t *filter = p->weights;
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          int32_t sum = 0;
          for (int32_t iy = rows.begin; iy < rows.end; ++iy) {
            const int32_t ky = y0 - iy * w->stride_height;
            for (int32_t ix = columns.begin; ix < columns.end; ++ix) {
              const int32_t kx = x0 - ix * w->stride_width;
              const int8_t *in = image + (iy * w->output_width + ix) * depth;
              const int8_t *weights = filter + (ky * w->filter_width + kx) * depth;
              for (int32_t i = 0; i < depth; ++i) {
                sum += (in[i] + p->input_offset) * weights[i];
              }
            }
          }
          const int32_t biased = tq_add_wrapping(sum, p->bias != NULL ? p->bias[channel] : 0);
          const int32_t scaled =
              tq_scale(biased, p->multipliers[channel], p->shifts[channel]) + p->output_offset;
          *output++ = (int8_t)tq_clamp(scaled, p->activation_min, p->activation_max);
          filter += w->filter_height * w->filter_width * depth;
        }
      }
    }
  }
}

void tq_transpose_conv_s16(const void *params) {
  const tq_transpose_conv_s16_params *p = params;
  const tq_window *w = &p->window;
  const int32_t depth = w->output_channels;
  int16_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    const int16_t *image = p->input + batch * w->output_height * w->output_width * depth;
    for (int32_t y = 0; y < w->input_height; ++y) {
      const int32_t y0 = y + w->pad_top;
      const tq_range rows = contributors(y0, w->filter_height, w->stride_height, w->output_height);
      for (int32_t x = 0; x < w->input_width; ++x) {
        const int32_t x0 = x + w->pad_left;
        const tq_range columns =
            contributors(x0, w->filter_width, w->stride_width, w->output_width);
        const int8_t *filter = p->weights;
        for (int32_t channel = 0; channel < w->input_channels; ++channel) {
          int64_t sum = 0;
          for (int32_t iy = rows.begin; iy < rows.end; ++iy) {
            const int32_t ky = y0 - iy * w->stride_height;
            for (int32_t ix = columns.begin; ix < columns.end; ++ix) {
              const int32_t kx = x0 - ix * w->stride_width;
              const int16_t *in = image + (iy * w->output_width + ix) * depth;
              const int8_t *weights = filter + (ky * w->filter_width + kx) * depth;
              for (int32_t i = 0; i < depth; ++i) {
                sum += in[i] * weights[i];
              }
            }
          }
          sum += p->bias != NULL ? p->bias[channel] : 0;
          const int32_t scaled =
              tq_scale_64(sum, p->multipliers[channel], p->right_shifts[channel]);
          *output++ = (int16_t)tq_clamp(scaled, p->activation_min, p->activation_max);
          filter += w->filter_height * w->filter_width * depth;
        }
      }
    }
  }
}
