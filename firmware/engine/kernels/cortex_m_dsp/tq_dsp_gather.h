/* How the walks of the convolutions gather the window of one pixel. */
#ifndef TQ_DSP_GATHER_H
#define TQ_DSP_GATHER_H

#include <stddef.h>

#include "tq_dsp_conv.h"

/* Set up `rows` for a window without dilation along its rows; returns where its input begins. */
static inline const char *tq_clip_rows(tq_gather_rows *rows, const tq_window *w,
                                       const tq_cursor *cursor, const tq_sizes *sizes) {
  const int32_t words = sizes->pixel / 4;
  const tq_range range = tq_clip_window(cursor->x0, w->filter_width, 1, w->input_width);
  const int32_t inside = range.end - range.begin;
  rows->before = range.begin * words;
  rows->inside = inside * words;
  rows->after = (w->filter_width - range.end) * words;
  rows->skip = w->dilation_height * sizes->row - inside * sizes->pixel;
  return tq_origin(cursor, sizes) + range.begin * sizes->pixel;
}

/* Where the next element of a window goes: pairs of positions, other pixels in between. */
typedef struct tq_place {
  int16_t *to;
  int32_t step;
} tq_place;

static inline void tq_put(tq_place *place, int32_t value) {
  *place->to = (int16_t)value;
  place->to += place->step;
  place->step = 2 * TQ_DSP_PIXELS - place->step;
}

/* Any window, element by element. */
static inline void tq_gather_elements(int16_t *to, const tq_window *w, const tq_cursor *cursor,
                                      const tq_sizes *sizes, int32_t zero, int32_t element) {
  const char *line = tq_origin(cursor, sizes);
  tq_place place = {to, 1};
  for (int32_t ky = 0; ky < w->filter_height; ++ky) {
    const char *from = line;
    const uint32_t y = (uint32_t)(cursor->y0 + ky * w->dilation_height);
    const uint32_t width = y < w->input_height ? w->input_width : 0;
    for (int32_t kx = 0; kx < w->filter_width; ++kx) {
      const uint32_t x = (uint32_t)(cursor->x0 + kx * w->dilation_width);
      if (x >= width) {
        for (int32_t i = w->input_channels; i > 0; --i) {
          tq_put(&place, zero);
        }
      } else if (element == 1) {
        const int8_t *values = (const int8_t *)from;
        for (int32_t i = w->input_channels; i > 0; --i) {
          tq_put(&place, *values++);
        }
      } else {
        const int16_t *values = (const int16_t *)(const void *)from;
        for (int32_t i = w->input_channels; i > 0; --i) {
          tq_put(&place, *values++);
        }
      }
      from += w->dilation_width * sizes->pixel;
    }
    line += w->dilation_height * sizes->row;
  }
}

#endif /* TQ_DSP_GATHER_H */
