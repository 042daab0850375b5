/* DEPTHWISE_CONV_2D on int8 and int16 */
#include <stddef.h>

#include "tq_dsp_clamp.h"
#include "tq_dsp_conv.h"

/* Pairs of positions per pass of the inner loop in depthwise.S. */
#define UNROLLED 5

/* What depthwise.S reads. `taps` are the addresses of the window's positions. */
typedef struct tq_depthwise_block {
  const char **taps;
  int32_t skipped; /* pairs that the first pass leaves out */
  int32_t loops;
  const tq_depthwise_dsp_channel *channels;
  void *output;
  int32_t pixel;  /* bytes */
  int32_t option; /* int16: whether negative results become 0 */
  const void *weights;
} tq_depthwise_block;

_Static_assert(offsetof(tq_depthwise_block, taps) == 0, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, skipped) == 4, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, loops) == 8, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, channels) == 12, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, output) == 16, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, pixel) == 20, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, option) == 24, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_block, weights) == 28, "depthwise.S");
_Static_assert(sizeof(tq_depthwise_block) == 32, "depthwise.S");

/* The table that it reads member by member. */
_Static_assert(offsetof(tq_depthwise_dsp_channel, bias) == 0, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_dsp_channel, multiplier) == 4, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_dsp_channel, right_shift) == 8, "depthwise.S");
_Static_assert(offsetof(tq_depthwise_dsp_channel, rounding) == 12, "depthwise.S");
_Static_assert(sizeof(tq_depthwise_dsp_channel) == 16, "depthwise.S");

typedef void (*tq_depthwise)(const tq_depthwise_block *block);

void tq_depthwise_s8(const tq_depthwise_block *block);
void tq_depthwise_s16(const tq_depthwise_block *block);

/* Write the address of every position of a window; `zero` is a pixel outside of the input. */
static void point(const char **taps, const tq_window *w, const tq_cursor *cursor,
                  const tq_sizes *sizes, const char *zero) {
  const char *line = tq_origin(cursor, sizes);
  int32_t y = cursor->y0;
  for (int32_t ky = w->filter_height; ky > 0; --ky) {
    const uint32_t width = (uint32_t)y < w->input_height ? w->input_width : 0;
    const char *from = line;
    int32_t x = cursor->x0;
    for (int32_t kx = w->filter_width; kx > 0; --kx) {
      *taps++ = (uint32_t)x < width ? from : zero;
      from += w->dilation_width * sizes->pixel;
      x += w->dilation_width;
    }
    line += w->dilation_height * sizes->row;
    y += w->dilation_height;
  }
}

/* `block` lacks what follows from the window. */
static void convolution(const tq_window *w, const void *input, char *scratch, uint32_t zero,
                        tq_depthwise depthwise, tq_depthwise_block *block) {
  const int32_t positions = w->filter_height * w->filter_width;
  const int32_t pairs = (positions + 1) / 2;
  char *outside = scratch + 2 * pairs * (int32_t)sizeof(char *);
  for (int32_t i = 0; i < block->pixel; i += 4) {
    *(uint32_t *)(void *)(outside + i) = zero;
  }
  block->taps = (const char **)(void *)scratch;
  block->taps[2 * pairs - 1] = outside;
  block->loops = (pairs + UNROLLED - 1) / UNROLLED;
  block->skipped = block->loops * UNROLLED - pairs;
  const tq_sizes sizes = tq_sizes_of(w, block->pixel / w->input_channels);
  tq_cursor cursor = tq_first(w, input);
  int was_inside = 0;
  for (int32_t left = w->batches * w->output_height * w->output_width; left > 0; --left) {
    const int inside = tq_is_inside(w, &cursor);
    if (inside && was_inside && cursor.x > 0) {
      for (int32_t i = 0; i < positions; ++i) {
        block->taps[i] += w->stride_width * sizes.pixel;
      }
    } else {
      point(block->taps, w, &cursor, &sizes, outside);
    }
    was_inside = inside;
    depthwise(block);
    block->output = (char *)block->output + block->pixel;
    tq_advance(&cursor, w, sizes.image);
  }
}

static int32_t output_count(const tq_window *w) {
  return w->batches * w->output_height * w->output_width * w->output_channels;
}

void tq_depthwise_conv_2d_s8_dsp(const void *params) {
  const tq_depthwise_conv_2d_s8_dsp_params *p = params;
  tq_depthwise_block block = {
      .channels = p->channels,
      .output = p->output,
      .pixel = p->window.output_channels,
      .weights = p->weights,
  };
  const uint32_t zero = (uint32_t)(uint8_t)p->input_zero_point * 0x01010101u;
  convolution(&p->window, p->input, p->scratch, zero, tq_depthwise_s8, &block);
  tq_clamp_all_s8(p->output, output_count(&p->window), p->activation_min, p->activation_max);
}

void tq_depthwise_conv_2d_s16_dsp(const void *params) {
  const tq_depthwise_conv_2d_s16_dsp_params *p = params;
  tq_depthwise_block block = {
      .channels = p->channels,
      .output = p->output,
      .pixel = 2 * p->window.output_channels,
      .option = p->activation_min == 0,
      .weights = p->weights,
  };
  convolution(&p->window, p->input, p->scratch, 0, tq_depthwise_s16, &block);
  tq_clamp_all_s16(p->output, output_count(&p->window), p->activation_min, p->activation_max);
}
