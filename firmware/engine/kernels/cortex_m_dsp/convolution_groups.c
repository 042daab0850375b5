/* The walk of the convolutions over their output, several groups of three pixels at a time */
#include "tq_dsp_gather.h"

/*
 * Weights of so many steps stay in the flash's cache beside the factors of a pair: those of a chip
 * of 256 bytes, wherever in a line they begin. Others are copied behind the columns.
 */
enum { CACHED_STEPS = 20 };

/* The pairs of channels of all pixels that were gathered before. */
static void convolve(const tq_convolution_type *type, tq_convolve_block part, int32_t pairs) {
  const int32_t pair_bytes = 2 * type->element;
  if (part.groups == 1) {
    part.pairs = pairs;
    part.rounds = 1;
    type->convolve(&part);
    return;
  }
  part.pairs = 1;
  part.first_group.columns = (1 - part.groups) * part.next_group.columns;
  part.first_group.output = (1 - part.groups) * (part.next_group.output + pair_bytes);
  if (part.steps <= CACHED_STEPS) {
    part.rounds = pairs;
    type->convolve(&part);
    return;
  }
  uint32_t *const copy =
      (uint32_t *)(void *)((char *)part.columns + part.groups * part.next_group.columns);
  const uint32_t *weights = part.weights;
  part.weights = copy;
  part.rounds = 1;
  for (; pairs > 0; --pairs) {
    for (int32_t i = 0; i < 2 * part.steps; i += 2) {
      copy[i] = *weights++;
      copy[i + 1] = *weights++;
    }
    type->convolve(&part);
    part.channels = (const char *)part.channels + type->factors;
    part.output = (char *)part.output + pair_bytes;
  }
}

/* Whether the windows are the pixels, one after the other. */
static int is_pointwise(const tq_window *w) {
  return w->filter_height == 1 && w->filter_width == 1 && w->output_height == w->input_height &&
         w->output_width == w->input_width;
}

void tq_convolution_groups(const tq_window *w, const void *input, const int32_t *offsets,
                           int32_t zero, const tq_convolution_type *type,
                           tq_convolve_block *block) {
  const tq_sizes sizes = tq_sizes_of(w, type->element);
  tq_gather_rows rows = {
      .height = w->input_height,
      .count = w->filter_height,
      .zero = (uint32_t)(uint16_t)zero * 0x10001u,
      .inside = sizes.pixel / 4,
      .down = w->dilation_height,
  };
  tq_cursor cursor = tq_first(w, input);
  tq_set_steps(block, type);
  const char *next = offsets == NULL && is_pointwise(w) ? input : NULL;
  const int32_t pixel = w->output_channels * type->element;
  const int32_t most_groups = block->groups;
  const int32_t group = 4 * TQ_DSP_PIXELS * block->steps; /* halfwords */
  int32_t left = w->batches * w->output_height * w->output_width;
  block->strides[0] = pixel;
  block->strides[1] = 2 * pixel;
  block->weights_bytes = 8 * block->steps;
  block->next_group.columns = 2 * group;
  block->next_group.output = TQ_DSP_PIXELS * pixel - 2 * type->element;
  while (left > 0) {
    int16_t *columns = block->columns;
    int32_t count = TQ_DSP_PIXELS;
    if (left < TQ_DSP_PIXELS) {
      count = left;
      block->strides[0] = count > 1 ? pixel : 0;
      block->strides[1] = 0;
    }
    block->groups = 0;
    do {
      for (int16_t *to = columns; to != columns + 2 * count; to += 2) {
        if (next != NULL) {
          type->gather_rows(to, next, 0, &rows);
          next += sizes.pixel;
          continue;
        }
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
      columns += group;
      left -= count;
    } while (++block->groups < most_groups && left >= TQ_DSP_PIXELS);
    convolve(type, *block, w->output_channels / 2);
    block->output = (char *)block->output + ((block->groups - 1) * TQ_DSP_PIXELS + count) * pixel;
  }
}
