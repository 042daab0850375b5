/* The walk of the convolutions over their output, three pixels at a time */
#include "tq_dsp_conv.h"

#include <stddef.h>

/* Set up `rows` for a window without dilation along its rows; returns where its input begins. */
static const char *clip_rows(tq_gather_rows *rows, const tq_window *w, const tq_cursor *cursor,
                             const tq_sizes *sizes) {
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
typedef struct place {
  int16_t *to;
  int32_t step;
} place;

static inline void put(place *place, int32_t value) {
  *place->to = (int16_t)value;
  place->to += place->step;
  place->step = 2 * TQ_DSP_PIXELS - place->step;
}

/* Any window, element by element. */
static void gather_elements(int16_t *to, const tq_window *w, const tq_cursor *cursor,
                            const tq_sizes *sizes, int32_t zero, int32_t element) {
  const char *line = tq_origin(cursor, sizes);
  place place = {to, 1};
  for (int32_t ky = 0; ky < w->filter_height; ++ky) {
    const char *from = line;
    const uint32_t y = (uint32_t)(cursor->y0 + ky * w->dilation_height);
    const uint32_t width = y < w->input_height ? w->input_width : 0;
    for (int32_t kx = 0; kx < w->filter_width; ++kx) {
      const uint32_t x = (uint32_t)(cursor->x0 + kx * w->dilation_width);
      if (x >= width) {
        for (int32_t i = w->input_channels; i > 0; --i) {
          put(&place, zero);
        }
      } else if (element == 1) {
        const int8_t *values = (const int8_t *)from;
        for (int32_t i = w->input_channels; i > 0; --i) {
          put(&place, *values++);
        }
      } else {
        const int16_t *values = (const int16_t *)(const void *)from;
        for (int32_t i = w->input_channels; i > 0; --i) {
          put(&place, *values++);
        }
      }
      from += w->dilation_width * sizes->pixel;
    }
    line += w->dilation_height * sizes->row;
  }
}

/* All channels of `count` pixels, gathered before. */
static void convolve(const tq_convolution_type *type, tq_convolve_block *block, int32_t count,
                     int32_t channels) {
  const int32_t pixel = channels * type->element;
  block->strides[0] = count > 1 ? pixel : 0;
  block->strides[1] = count > 2 ? 2 * pixel : 0;
  if (channels % 2 == 0) {
    block->pairs = channels / 2;
    type->convolve(block);
  } else {
    /* Channels 0 and 1, then channel 1 once more with all others. */
    tq_convolve_block part = *block;
    part.pairs = 1;
    type->convolve(&part);
    part.pairs = channels / 2;
    part.weights = (const uint32_t *)block->weights + 2 * block->steps;
    part.channels = (const char *)block->channels + 2 * sizeof(tq_conv_s8_dsp_channel);
    part.output = (char *)block->output + type->element;
    type->convolve(&part);
  }
  block->output = (char *)block->output + count * pixel;
}

void tq_convolution(const tq_window *w, const void *input, const int32_t *offsets, int32_t zero,
                    const tq_convolution_type *type, tq_convolve_block *block) {
  const tq_sizes sizes = tq_sizes_of(w, type->element);
  tq_gather_rows rows = {
      .height = w->input_height,
      .count = w->filter_height,
      .zero = (uint32_t)(uint16_t)zero * 0x10001u,
      .down = w->dilation_height,
  };
  tq_cursor cursor = tq_first(w, input);
  int32_t left = w->batches * w->output_height * w->output_width;
  while (left > 0) {
    const int32_t count = left < TQ_DSP_PIXELS ? left : TQ_DSP_PIXELS;
    for (int16_t *to = block->columns; to != block->columns + 2 * count; to += 2) {
      if (offsets == NULL) {
        const char *line = clip_rows(&rows, w, &cursor, &sizes);
        type->gather_rows(to, line, cursor.y0, &rows);
      } else if (tq_is_inside(w, &cursor)) {
        type->gather_positions(to, tq_origin(&cursor, &sizes), offsets, block->steps);
      } else {
        gather_elements(to, w, &cursor, &sizes, zero, type->element);
      }
      tq_advance(&cursor, w, sizes.image);
    }
    convolve(type, block, count, w->output_channels);
    left -= count;
  }
}
