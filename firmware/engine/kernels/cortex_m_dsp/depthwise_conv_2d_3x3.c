/* DEPTHWISE_CONV_2D with 3 x 3 filters on int8, four channels of the whole image at a time */
#include "tq_dsp_clamp.h"
#include "tq_dsp_depthwise_rows.h"
#include "tq_iteration.h"
#include "tq_kernels_dsp_conv.h"

enum { GROUP = 4, SLOTS = TQ_DEPTHWISE_ROWS + 1 };

/*
 * Inputs of a group of channels, channel by channel: the rows of input under a row of output, with
 * padding on both sides, input row y in slot y modulo 3; and a slot that is all padding. Whatever
 * of the input was copied may be overwritten.
 */
typedef struct planes {
  tq_depthwise_table table[GROUP];
  int16_t inputs[]; /* [GROUP][SLOTS][width] */
} planes;

static int32_t plane_width(const tq_window *w) {
  return w->stride_width == 1 ? (w->output_width + 4) / 2 * 2 : 2 * w->output_width + 4;
}

/* Everything of a group that does not change from row to row. */
static void start_group(planes *planes, const tq_depthwise_conv_2d_3x3_s8_dsp_params *p,
                        int32_t channel) {
  const int32_t depth = p->window.output_channels;
  for (int32_t i = 0; i < GROUP; ++i) {
    const tq_conv_s8_dsp_channel *factors = &p->channels[channel + i];
    tq_depthwise_table *table = &planes->table[i];
    const int8_t *weights = p->weights + channel + i;
    for (int32_t row = 0; row < TQ_DEPTHWISE_ROWS; ++row) {
      table->weights[row][0] = weights[0];
      table->weights[row][1] = weights[depth];
      table->weights[row][2] = weights[depth];
      table->weights[row][3] = weights[2 * depth];
      weights += TQ_DEPTHWISE_COLUMNS * depth;
    }
    const int32_t right_shift = factors->bias_and_shift & 31;
    table->bias = factors->bias_and_shift >> 5;
    table->multiplier = factors->multiplier;
    table->rounding = (2 * p->output_offset + 1) * (1 << (right_shift - 1));
    table->right_shift = right_shift;
  }
}

/* Four channels of `count` pixels. */
static void copy_pixels(int16_t *to, int32_t plane, const int8_t *from, int32_t pixel,
                        int32_t count) {
  int16_t *to1 = to + plane;
  int16_t *to2 = to1 + plane;
  int16_t *to3 = to2 + plane;
  for (; count > 0; --count) {
    const uint32_t four = *(const uint32_t *)(const void *)from;
    *to++ = (int8_t)four;
    *to1++ = (int8_t)(four >> 8);
    *to2++ = (int8_t)(four >> 16);
    *to3++ = (int8_t)(four >> 24);
    from += pixel;
  }
}

/* One group of channels of one image. */
static void convolve_group(const tq_depthwise_conv_2d_3x3_s8_dsp_params *p, planes *planes,
                           const int8_t *image, int8_t *output) {
  const tq_window *w = &p->window;
  const int32_t depth = w->output_channels;
  const int32_t width = plane_width(w);
  const int32_t plane = SLOTS * width;
  const int32_t room = width - w->pad_left;
  const int32_t inside = room < w->input_width ? room : w->input_width;
  int16_t *const padding = planes->inputs + TQ_DEPTHWISE_ROWS * width;
  tq_depthwise_row row = {
      .table = planes->table,
      .output = output,
      .channels = GROUP,
      .plane = plane * (int32_t)sizeof(int16_t),
      .count = w->output_width,
      .pixel = depth,
  };
  int32_t next = 0;
  for (int32_t y = 0; y < w->output_height; ++y) {
    const int32_t y0 = tq_window_origin_y(w, y);
    for (int32_t ky = 0; ky < TQ_DEPTHWISE_ROWS; ++ky) {
      const int32_t from = y0 + ky;
      if (from < 0 || from >= w->input_height) {
        row.rows[ky] = padding;
        continue;
      }
      int16_t *slot = planes->inputs + from % TQ_DEPTHWISE_ROWS * width;
      row.rows[ky] = slot;
      if (from >= next) {
        copy_pixels(slot + w->pad_left, plane, image + from * w->input_width * depth, depth,
                    inside);
        next = from + 1;
      }
    }
    if (w->stride_width == 1) {
      tq_depthwise_row_1_s8(&row);
    } else {
      tq_depthwise_row_2_s8(&row);
    }
    row.output += w->output_width * depth;
  }
}

void tq_depthwise_conv_2d_3x3_s8_dsp(const void *params) {
  const tq_depthwise_conv_2d_3x3_s8_dsp_params *p = params;
  const tq_window *w = &p->window;
  planes *planes = p->scratch;
  const int32_t inputs = GROUP * SLOTS * plane_width(w);
  for (int32_t i = 0; i < inputs; ++i) {
    planes->inputs[i] = (int16_t)p->input_zero_point;
  }
  const int32_t input_image = w->input_height * w->input_width * w->input_channels;
  const int32_t output_image = w->output_height * w->output_width * w->output_channels;
  for (int32_t channel = 0; channel < w->output_channels; channel += GROUP) {
    start_group(planes, p, channel);
    for (int32_t batch = 0; batch < w->batches; ++batch) {
      convolve_group(p, planes, p->input + batch * input_image + channel,
                     p->output + batch * output_image + channel);
    }
  }
  tq_clamp_all_s8(p->output, w->batches * output_image, p->activation_min, p->activation_max);
}
