/* The walk of the convolutions over their output, three pixels at a time */
#include "tq_dsp_gather.h"

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
    part.channels = (const char *)block->channels + type->factors;
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
  tq_set_steps(block, type);
  int32_t left = w->batches * w->output_height * w->output_width;
  while (left > 0) {
    const int32_t count = left < TQ_DSP_PIXELS ? left : TQ_DSP_PIXELS;
    for (int16_t *to = block->columns; to != block->columns + 2 * count; to += 2) {
      if (offsets == NULL) {
        const char *line = tq_clip_rows(&rows, w, &cursor, &sizes);
        type->gather_rows(to, line, cursor.y0, &rows);
      } else if (tq_is_inside(w, &cursor)) {
        type->gather_positions(to, tq_origin(&cursor, &sizes), offsets, block->steps);
      } else {
        tq_gather_elements(to, w, &cursor, &sizes, zero, type->element);
      }
      tq_advance(&cursor, w, sizes.image);
    }
    convolve(type, block, count, w->output_channels);
    left -= count;
  }
}
