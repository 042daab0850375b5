/* What the convolutions of this set share: three pixels at a time, gathered window by window. */
#ifndef TQ_DSP_CONV_H
#define TQ_DSP_CONV_H

#include <stddef.h>
#include <stdint.h>

#include "tq_iteration.h"
#include "tq_kernels_dsp_conv.h"

/* convolve.S has registers for so many. */
#define TQ_DSP_PIXELS 3

/* What convolve.S reads. A stride of 0 makes a pixel that does not exist write over pixel 0. */
typedef struct tq_convolve_block {
  int16_t *columns;
  int32_t steps;
  const void *channels;
  void *output;
  int32_t pairs;
  int32_t strides[TQ_DSP_PIXELS - 1]; /* bytes from pixel 0 */
  int32_t option; /* int8: 2 * output_offset + 1; int16: whether negative results become 0 */
  const void *weights;
} tq_convolve_block;

_Static_assert(offsetof(tq_convolve_block, columns) == 0, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, steps) == 4, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, channels) == 8, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, output) == 12, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, pairs) == 16, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, strides) == 20, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, option) == 28, "convolve.S");
_Static_assert(offsetof(tq_convolve_block, weights) == 32, "convolve.S");
_Static_assert(sizeof(tq_convolve_block) == 36, "convolve.S");

/* The tables that it reads member by member. */
_Static_assert(offsetof(tq_conv_s8_dsp_channel, bias) == 0, "convolve.S");
_Static_assert(offsetof(tq_conv_s8_dsp_channel, multiplier) == 4, "convolve.S");
_Static_assert(offsetof(tq_conv_s8_dsp_channel, right_shift) == 8, "convolve.S");
_Static_assert(sizeof(tq_conv_s8_dsp_channel) == 12, "convolve.S");

_Static_assert(offsetof(tq_conv_s16_dsp_pair, bias_high) == 0, "convolve.S");
_Static_assert(offsetof(tq_conv_s16_dsp_pair, bias_low) == 4, "convolve.S");
_Static_assert(offsetof(tq_conv_s16_dsp_pair, multiplier_low) == 8, "convolve.S");
_Static_assert(offsetof(tq_conv_s16_dsp_pair, right_shift_low) == 12, "convolve.S");
_Static_assert(offsetof(tq_conv_s16_dsp_pair, multiplier_high) == 16, "convolve.S");
_Static_assert(offsetof(tq_conv_s16_dsp_pair, right_shift_high) == 20, "convolve.S");
_Static_assert(sizeof(tq_conv_s16_dsp_pair) == 24, "convolve.S");

/* What gather.S reads; words of input, `skip` and `down` apart. */
typedef struct tq_gather_rows {
  int32_t height; /* of the input */
  int32_t count;  /* filter rows */
  uint32_t zero;  /* a pair of positions outside of the input */
  int32_t before; /* words left of the input */
  int32_t inside;
  int32_t after;
  int32_t skip; /* bytes from the last word of a row to the first of the next one */
  int32_t down; /* input rows from one filter row to the next */
} tq_gather_rows;

_Static_assert(offsetof(tq_gather_rows, height) == 0, "gather.S");
_Static_assert(offsetof(tq_gather_rows, count) == 4, "gather.S");
_Static_assert(offsetof(tq_gather_rows, zero) == 8, "gather.S");
_Static_assert(offsetof(tq_gather_rows, before) == 12, "gather.S");
_Static_assert(offsetof(tq_gather_rows, inside) == 16, "gather.S");
_Static_assert(offsetof(tq_gather_rows, after) == 20, "gather.S");
_Static_assert(offsetof(tq_gather_rows, skip) == 24, "gather.S");
_Static_assert(offsetof(tq_gather_rows, down) == 28, "gather.S");
_Static_assert(sizeof(tq_gather_rows) == 32, "gather.S");

typedef void (*tq_convolve)(const tq_convolve_block *block);

void tq_convolve_summed_s8(const tq_convolve_block *block);
void tq_convolve_plain_s8(const tq_convolve_block *block);
void tq_convolve_s4(const tq_convolve_block *block);
void tq_convolve_s16(const tq_convolve_block *block);

void tq_gather_rows_s8(int16_t *to, const void *line, int32_t y, const tq_gather_rows *rows);
void tq_gather_rows_s16(int16_t *to, const void *line, int32_t y, const tq_gather_rows *rows);
void tq_gather_positions_s8(int16_t *to, const void *origin, const int32_t *offsets, int32_t steps);
void tq_gather_positions_s16(int16_t *to, const void *origin, const int32_t *offsets,
                             int32_t steps);

/* One output position after the other, through all batches: where its window begins. */
typedef struct tq_cursor {
  const char *image;
  int32_t x; /* of the output */
  int32_t y;
  int32_t x0; /* of the input */
  int32_t y0;
} tq_cursor;

static inline tq_cursor tq_first(const tq_window *w, const void *input) {
  return (tq_cursor){input, 0, 0, -(int32_t)w->pad_left, -(int32_t)w->pad_top};
}

static inline void tq_advance(tq_cursor *cursor, const tq_window *w, int32_t image_bytes) {
  cursor->x0 += w->stride_width;
  if (++cursor->x == w->output_width) {
    cursor->x = 0;
    cursor->x0 = -(int32_t)w->pad_left;
    cursor->y0 += w->stride_height;
    if (++cursor->y == w->output_height) {
      cursor->y = 0;
      cursor->y0 = -(int32_t)w->pad_top;
      cursor->image += image_bytes;
    }
  }
}

/* The bytes of one input pixel, of one row, of one image. */
typedef struct tq_sizes {
  int32_t pixel;
  int32_t row;
  int32_t image;
} tq_sizes;

static inline tq_sizes tq_sizes_of(const tq_window *w, int32_t element) {
  const int32_t pixel = w->input_channels * element;
  const int32_t row = w->input_width * pixel;
  return (tq_sizes){pixel, row, w->input_height * row};
}

/* Where the input under the window begins; outside of the input at its borders. */
static inline const char *tq_origin(const tq_cursor *cursor, const tq_sizes *sizes) {
  return cursor->image + cursor->y0 * sizes->row + cursor->x0 * sizes->pixel;
}

/* Whether the window lies in the input as a whole. */
static inline int tq_is_inside(const tq_window *w, const tq_cursor *cursor) {
  return cursor->y0 >= 0 && cursor->x0 >= 0 &&
         cursor->y0 + (w->filter_height - 1) * w->dilation_height < w->input_height &&
         cursor->x0 + (w->filter_width - 1) * w->dilation_width < w->input_width;
}

/* What the convolutions of one element type use. */
typedef struct tq_convolution_type {
  int32_t element; /* bytes */
  void (*gather_rows)(int16_t *to, const void *line, int32_t y, const tq_gather_rows *rows);
  void (*gather_positions)(int16_t *to, const void *origin, const int32_t *offsets, int32_t steps);
  tq_convolve convolve;
} tq_convolution_type;

/*
 * Convolve all of `input`; `block` says with what and whereto. `offsets` as in
 * tq_kernels_dsp_conv.h; positions outside of the input are `zero`.
 */
void tq_convolution(const tq_window *w, const void *input, const int32_t *offsets, int32_t zero,
                    const tq_convolution_type *type, tq_convolve_block *block);

#endif /* TQ_DSP_CONV_H */
