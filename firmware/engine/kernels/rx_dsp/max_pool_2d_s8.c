/* MAX_POOL_2D on int8 with windows of up to 2 x 2 */
#include "tq_fixed_point.h"
#include "tq_iteration.h"
#include "tq_rx.h"

static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

/* A side of a window that has one position in the input takes it twice. */
static inline int32_t to_last(tq_range positions) {
  return positions.end - positions.begin > 1 ? 1 : 0;
}

void tq_max_pool_2d_s8_rx(const void *params) {
  const tq_pool_2d_s8_params *p = params;
  const tq_window *w = &p->window;
  const int32_t pixel = w->input_channels;
  const int32_t line = w->input_width * pixel;
  const int32_t low = p->activation_min;
  const int32_t high = p->activation_max;
  const int8_t *image = p->input;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        const int8_t *a = image + (y0 + rows.begin) * line + (x0 + columns.begin) * pixel;
        const int8_t *b = a + to_last(columns) * pixel;
        const int8_t *c = a + to_last(rows) * line;
        const int8_t *d = c + to_last(columns) * pixel;
        for (int32_t channel = pixel; channel > 0; --channel) {
          const int32_t maximum = larger(larger(*a++, *b++), larger(*c++, *d++));
          *output++ = (int8_t)tq_clamp(maximum, low, high);
        }
      }
    }
    image += w->input_height * line;
  }
}
