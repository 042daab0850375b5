/* CONV_2D on float32, four pixels and four channels at a time */
#include <stddef.h>
#include <string.h>

#include "tq_dsp_block_f32.h"
#include "tq_fixed_point.h"
#include "tq_iteration.h"
#include "tq_kernels_dsp_dense.h"

/*
 * The rows of input under a row of output, copied and padded with zeros on both sides, so that all
 * windows look alike. Input row y is in slot y modulo filter_height.
 */
typedef struct band {
  const float **rows; /* [filter_height], those of the row at hand in their order */
  float *slots;       /* [filter_height][width][input_channels] */
  int32_t width;      /* pixels */
  int32_t next;       /* the first input row that was not copied yet */
} band;

static float *slot_of(const band *band, const tq_window *w, int32_t y) {
  return band->slots + y % w->filter_height * band->width * w->input_channels;
}

/* Zeros left and right of the input stay what they are; what is copied lies between them. */
static void copy_rows(band *band, const tq_window *w, const float *image, int32_t begin,
                      int32_t end) {
  const int32_t depth = w->input_channels;
  const int32_t row = w->input_width * depth;
  const int32_t right = band->width - w->pad_left;
  const int32_t inside = right < w->input_width ? right : w->input_width;
  for (int32_t y = begin > band->next ? begin : band->next; y < end; ++y) {
    memcpy(slot_of(band, w, y) + w->pad_left * depth, image + y * row,
           (size_t)(inside * depth) * sizeof(float));
    band->next = y + 1;
  }
  for (int32_t y = begin; y < end; ++y) {
    band->rows[y - begin] = slot_of(band, w, y);
  }
}

/* `count` channels of `pixels` pixels, from their sums. */
static inline __attribute__((always_inline)) void finish_group(const tq_conv_2d_f32_params *p,
                                                               const float *bias, int32_t count,
                                                               const float *sums, int32_t pixels,
                                                               float *output) {
  const float low = p->activation_min;
  const float high = p->activation_max;
  for (; pixels > 0; --pixels) {
    for (int32_t i = 0; i < count; ++i) {
      output[i] = tq_clamp_f32(sums[i] + bias[i], low, high);
    }
    sums += TQ_BLOCK_F32_CHANNELS;
    output += p->window.output_channels;
  }
}

/* A group of channels for the block's pixels, of which `pixels` exist. */
static void finish(const tq_conv_2d_f32_params *p, int32_t channel, const float *sums,
                   int32_t pixels, float *output) {
  static const float none[TQ_BLOCK_F32_CHANNELS];
  const float *bias = p->bias != NULL ? p->bias + channel : none;
  const int32_t left = p->window.output_channels - channel;
  if (left >= TQ_BLOCK_F32_CHANNELS) {
    finish_group(p, bias, TQ_BLOCK_F32_CHANNELS, sums, pixels, output);
  } else {
    finish_group(p, bias, left, sums, pixels, output);
  }
}

/* One row of output; `first` is the filter row of band->rows[0]. */
static void convolve_row(const tq_conv_2d_f32_params *p, band *band, int32_t count, int32_t first,
                         float *output) {
  const tq_window *w = &p->window;
  const int32_t depth = w->input_channels;
  const int32_t length = w->filter_width * depth;
  const int32_t filter = w->filter_height * length;
  const int32_t step = w->stride_width * depth;
  const float *const weights_first = p->weights + TQ_BLOCK_F32_CHANNELS * first * length;
  tq_block_f32 block = {.rows = band->rows, .count = count, .length = length};
  for (int32_t left = w->output_width; left > 0; left -= TQ_BLOCK_F32_PIXELS) {
    const int32_t pixels = left < TQ_BLOCK_F32_PIXELS ? left : TQ_BLOCK_F32_PIXELS;
    for (int32_t i = 1; i < TQ_BLOCK_F32_PIXELS; ++i) {
      /* A pixel that does not exist is computed as the last one that does. */
      block.pixels[i - 1] = (i < pixels ? i : pixels - 1) * step * (int32_t)sizeof(float);
    }
    const float *weights = weights_first;
    for (int32_t channel = 0; channel < w->output_channels; channel += TQ_BLOCK_F32_CHANNELS) {
      float sums[TQ_BLOCK_F32_PIXELS * TQ_BLOCK_F32_CHANNELS];
      if (count > 0) {
        tq_sum_block_f32(&block, weights, sums);
      } else {
        memset(sums, 0, sizeof sums);
      }
      finish(p, channel, sums, pixels, output + channel);
      weights += TQ_BLOCK_F32_CHANNELS * filter;
    }
    output += pixels * w->output_channels;
    for (int32_t row = 0; row < count; ++row) {
      band->rows[row] += TQ_BLOCK_F32_PIXELS * step;
    }
  }
}

void tq_conv_2d_f32_dsp(const void *params) {
  const tq_conv_2d_f32_params *p = params;
  const tq_window *w = &p->window;
  band band = {
      .rows = p->scratch,
      .slots = (float *)p->scratch + w->filter_height,
      .width = (w->output_width - 1) * w->stride_width + w->filter_width,
  };
  memset(band.slots, 0,
         (size_t)(w->filter_height * band.width * w->input_channels) * sizeof(float));
  const float *image = p->input;
  float *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    band.next = 0;
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      const int32_t count = rows.end > rows.begin ? rows.end - rows.begin : 0;
      copy_rows(&band, w, image, y0 + rows.begin, y0 + rows.begin + count);
      convolve_row(p, &band, count, rows.begin, output);
      output += w->output_width * w->output_channels;
    }
    image += w->input_height * w->input_width * w->input_channels;
  }
}
