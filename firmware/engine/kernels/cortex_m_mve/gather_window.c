/* The inputs under a filter's window as one column */
#include "tq_iteration.h"
#include "tq_mve.h"

/* Rows that may lie outside of the input, and so may their columns. */
static void gather_at_border(const tq_mve_gather *gather, const int8_t *image, int32_t y,
                             int32_t x0, int8_t *to) {
  const tq_window *w = gather->window;
  const int32_t pixel = gather->pixel;
  const int32_t dilation = w->dilation_width;
  const tq_range columns = tq_clip_window(x0, w->filter_width, dilation, w->input_width);
  const int32_t inside = columns.end > columns.begin ? columns.end - columns.begin : 0;
  const int32_t before = inside > 0 ? columns.begin * pixel : 0;
  const int32_t after = (w->filter_width - inside) * pixel - before;
  for (int32_t row = 0; row < w->filter_height; ++row, y += w->dilation_height) {
    if (y < 0 || y >= w->input_height || inside == 0) {
      to = tq_mve_fill(to, gather->zero, w->filter_width * pixel);
      continue;
    }
    const int8_t *from = image + y * gather->line + (x0 + columns.begin * dilation) * pixel;
    to = tq_mve_fill(to, gather->zero, before);
    if (dilation == 1) {
      to = tq_mve_copy(to, from, inside * pixel);
    } else {
      for (int32_t i = 0; i < inside; ++i) {
        to = tq_mve_copy(to, from, pixel);
        from += dilation * pixel;
      }
    }
    to = tq_mve_fill(to, gather->zero, after);
  }
}

void tq_mve_gather_window(const tq_mve_gather *gather, const int8_t *image, int32_t y0, int32_t x0,
                          int8_t *to) {
  if (y0 < 0 || x0 < 0 || y0 > gather->last_y || x0 > gather->last_x) {
    gather_at_border(gather, image, y0, x0, to);
    return;
  }
  const int8_t *from = image + y0 * gather->line + x0 * gather->pixel;
  const int32_t bytes = gather->row;
  for (int32_t row = gather->window->filter_height; row > 0; --row) {
    to = tq_mve_copy(to, from, bytes);
    from += gather->down;
  }
}
