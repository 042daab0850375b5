/* CONV_2D on int8, one pixel of all channels at a time */
#include <stddef.h>

#include "tq_iteration.h"
#include "tq_rx.h"

_Static_assert(offsetof(tq_channels_rx, weights) == 0, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, channels) == 4, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, sums) == 8, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, pairs) == 12, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, count) == 16, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, fives) == 20, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, twos) == 24, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, ones) == 28, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, activation_min) == 32, "channels_s8.S");
_Static_assert(offsetof(tq_channels_rx, activation_max) == 36, "channels_s8.S");

_Static_assert(offsetof(tq_channel_rx, bias) == 0, "channels_s8.S");
_Static_assert(offsetof(tq_channel_rx, multiplier) == 4, "channels_s8.S");
_Static_assert(offsetof(tq_channel_rx, rounding) == 8, "channels_s8.S");
_Static_assert(offsetof(tq_channel_rx, shift) == 12, "channels_s8.S");

/*
 * The inputs under a window, row after row; `zero` repeats the byte for positions outside of the
 * input. Windows up to (last_y, last_x) lie in the input; none does if one of them is negative.
 */
typedef struct gather {
  const tq_window *window;
  int32_t line; /* bytes of a row of the input */
  int32_t row;  /* of the filter */
  int32_t down; /* from one row of the filter to the next */
  int32_t last_y;
  int32_t last_x;
  uint32_t zero;
} gather;

/* A dilated row is not one piece of the input: such windows are never taken as a whole. */
static gather gather_of(const tq_window *w, int32_t zero_point) {
  const int32_t line = w->input_width * w->input_channels;
  return (gather){
      .window = w,
      .line = line,
      .row = w->filter_width * w->input_channels,
      .down = w->dilation_height * line,
      .last_y = w->input_height - 1 - (w->filter_height - 1) * w->dilation_height,
      .last_x = w->dilation_width == 1 ? w->input_width - w->filter_width : -1,
      .zero = (uint8_t)zero_point * UINT32_C(0x01010101),
  };
}

/* Rows that may lie outside of the input, and so may their columns. */
static void gather_at_border(const gather *g, const int8_t *image, int32_t y, int32_t x0,
                             int8_t *to) {
  const tq_window *w = g->window;
  const int32_t pixel = w->input_channels;
  const int32_t dilation = w->dilation_width;
  const tq_range columns = tq_clip_window(x0, w->filter_width, dilation, w->input_width);
  const int32_t inside = columns.end > columns.begin ? columns.end - columns.begin : 0;
  const int32_t before = inside > 0 ? columns.begin * pixel : 0;
  const int32_t after = g->row - inside * pixel - before;
  for (int32_t row = 0; row < w->filter_height; ++row, y += w->dilation_height) {
    if (y < 0 || y >= w->input_height || inside == 0) {
      to = tq_rx_fill(to, g->zero, g->row);
      continue;
    }
    const int8_t *from = image + y * g->line + (x0 + columns.begin * dilation) * pixel;
    to = tq_rx_fill(to, g->zero, before);
    if (dilation == 1) {
      to = tq_rx_copy_rows(to, from, inside * pixel, 1, 0);
    } else {
      to = tq_rx_copy_rows(to, from, pixel, inside, dilation * pixel);
    }
    to = tq_rx_fill(to, g->zero, after);
  }
}

static void gather_window(const gather *g, const int8_t *image, int32_t y0, int32_t x0,
                          int8_t *to) {
  if (y0 < 0 || x0 < 0 || y0 > g->last_y || x0 > g->last_x) {
    gather_at_border(g, image, y0, x0, to);
    return;
  }
  const int8_t *from = image + y0 * g->line + x0 * g->window->input_channels;
  (void)tq_rx_copy_rows(to, from, g->row, g->window->filter_height, g->down);
}

static void convolution(const tq_conv_2d_s8_rx_params *p, tq_rx_channels *channels) {
  const tq_window *w = &p->window;
  const gather g = gather_of(w, p->input_zero_point);
  const int8_t *image = p->input;
  int8_t *output = p->output;
  tq_rx_clear(&p->layer);
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      int32_t x0 = tq_window_origin_x(w, 0);
      for (int32_t x = 0; x < w->output_width; ++x, x0 += w->stride_width) {
        const int8_t *column = image + y0 * g.line + x0 * w->input_channels;
        if (p->column != NULL) {
          gather_window(&g, image, y0, x0, p->column);
          column = p->column;
        }
        output = channels(&p->layer, column, output);
      }
    }
    image += w->input_height * g.line;
  }
}

void tq_conv_2d_s8_rx(const void *params) { convolution(params, tq_rx_channels_s8); }

void tq_conv_2d_deep_s8_rx(const void *params) { convolution(params, tq_rx_channels_deep_s8); }
