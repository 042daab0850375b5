/* DEPTHWISE_CONV_2D on int8 and int16, depth multiplier 1: eight channels at a time */
#include <stddef.h>

#include "tq_iteration.h"
#include "tq_mve.h"

#define LANES 8

/* The positions of a filter that lie in the input; steps are in elements. */
typedef struct positions {
  int32_t rows;
  int32_t columns;
  int32_t right;       /* from an input to the one that the next column sees */
  int32_t down;        /* likewise for rows */
  int32_t channels;    /* from a weight to that of the next column */
  int32_t weights_row; /* likewise for rows */
} positions;

/* Sums of eight channels: of those with an even number, and of the odd ones. */
typedef struct sums {
  int32x4_t even;
  int32x4_t odd;
} sums;

/*
 * MOVED(value) is the input with its zero point taken off: 16 bits hold it. LOAD and LOAD_WEIGHTS
 * take eight of them; behind the last channel only those that are `inside`, at one more
 * instruction.
 */
#define SUMS(name, element, load, load_weights, moved)                                      \
  static inline sums name(const positions *at, const element *input, const int8_t *weights, \
                          int32_t offset, mve_pred16_t inside) {                            \
    (void)inside;                                                                           \
    sums sum = {vdupq_n_s32(0), vdupq_n_s32(0)};                                            \
    for (int32_t rows = at->rows; rows > 0; --rows) {                                       \
      const element *in = input;                                                            \
      const int8_t *weight = weights;                                                       \
      for (int32_t columns = at->columns; columns > 0; --columns) {                         \
        const int16x8_t value = moved(load(in, inside), offset);                            \
        const int16x8_t factor = load_weights(weight, inside);                              \
        sum.even = vaddq_s32(sum.even, vmullbq_int_s16(value, factor));                     \
        sum.odd = vaddq_s32(sum.odd, vmulltq_int_s16(value, factor));                       \
        in += at->right;                                                                    \
        weight += at->channels;                                                             \
      }                                                                                     \
      input += at->down;                                                                    \
      weights += at->weights_row;                                                           \
    }                                                                                       \
    return sum;                                                                             \
  }

#define MOVED_S8(value, offset) vaddq_n_s16(value, (int16_t)(offset))
#define MOVED_S16(value, offset) ((void)(offset), value)
#define LOAD_S8(from, inside) vldrbq_s16(from)
#define LOAD_S16(from, inside) vldrhq_s16(from)

SUMS(all_s8, int8_t, LOAD_S8, LOAD_S8, MOVED_S8)
SUMS(some_s8, int8_t, vldrbq_z_s16, vldrbq_z_s16, MOVED_S8)
SUMS(all_s16, int16_t, LOAD_S16, LOAD_S8, MOVED_S16)
SUMS(some_s16, int16_t, vldrhq_z_s16, vldrbq_z_s16, MOVED_S16)

/* Every second number of a table, those of the channels in `inside`. */
static inline int32x4_t every_second_s32(const int32_t *table, mve_pred16_t inside) {
  return vldrwq_gather_shifted_offset_z_s32(table, vidupq_n_u32(0, 2), inside);
}

static inline int32x4_t every_second_s8(const int8_t *table, mve_pred16_t inside) {
  return vldrbq_gather_offset_z_s32(table, vidupq_n_u32(0, 2), inside);
}

/* The outputs of four channels, from the first one's place in the tables on. */
static inline int32x4_t finished_s8(const tq_depthwise_conv_2d_s8_params *p, int32_t channel,
                                    int32x4_t sum, mve_pred16_t inside) {
  if (p->bias != NULL) {
    sum = vaddq_s32(sum, every_second_s32(p->bias + channel, inside));
  }
  const int32x4_t scaled = tq_mve_scale(sum, every_second_s32(p->multipliers + channel, inside),
                                        every_second_s8(p->shifts + channel, inside));
  return tq_mve_clamp(vaddq_n_s32(scaled, p->output_offset), p->activation_min, p->activation_max);
}

static inline int32x4_t finished_s16(const tq_depthwise_conv_2d_s16_mve_params *p, int32_t channel,
                                     int32x4_t sum, mve_pred16_t inside) {
  const int32x4_t all = vaddq_s32(sum, every_second_s32(p->bias + channel, inside));
  /* The upper half of the product, rounded once, ties upward: as tq_scale_64(). */
  const int32x4_t scaled = vrmulhq_s32(all, every_second_s32(p->multipliers + channel, inside));
  return tq_mve_clamp(scaled, p->activation_min, p->activation_max);
}

#define DEPTHWISE(p, element, suffix, offset, store)                                               \
  const tq_window *w = &(p)->window;                                                               \
  const int32_t channels = w->input_channels;                                                      \
  const int32_t line = w->input_width * channels;                                                  \
  positions at = {.right = w->dilation_width * channels,                                           \
                  .down = w->dilation_height * line,                                               \
                  .channels = channels,                                                            \
                  .weights_row = w->filter_width * channels};                                      \
  const element *image = (p)->input;                                                               \
  element *output = (p)->output;                                                                   \
  for (int32_t batch = 0; batch < w->batches; ++batch) {                                           \
    for (int32_t y = 0; y < w->output_height; ++y) {                                               \
      const int32_t y0 = tq_window_origin_y(w, y);                                                 \
      const tq_range rows =                                                                        \
          tq_clip_window(y0, w->filter_height, w->dilation_height, w->input_height);               \
      at.rows = rows.end - rows.begin;                                                             \
      for (int32_t x = 0; x < w->output_width; ++x) {                                              \
        const int32_t x0 = tq_window_origin_x(w, x);                                               \
        const tq_range columns =                                                                   \
            tq_clip_window(x0, w->filter_width, w->dilation_width, w->input_width);                \
        at.columns = columns.end - columns.begin;                                                  \
        const element *first = image + (y0 + rows.begin * w->dilation_height) * line +             \
                               (x0 + columns.begin * w->dilation_width) * channels;                \
        const int8_t *weights =                                                                    \
            (p)->weights + (rows.begin * w->filter_width + columns.begin) * channels;              \
        for (int32_t channel = 0; channel < channels; channel += LANES) {                          \
          const uint32_t left = (uint32_t)(channels - channel);                                    \
          const mve_pred16_t inside = vctp16q(left);                                               \
          const sums sum =                                                                         \
              left < LANES                                                                         \
                  ? some_##suffix(&at, first + channel, weights + channel, offset, inside)         \
                  : all_##suffix(&at, first + channel, weights + channel, offset, inside);         \
          const int32x4_t even = finished_##suffix(p, channel, sum.even, vctp32q((left + 1) / 2)); \
          const int32x4_t odd = finished_##suffix(p, channel + 1, sum.odd, vctp32q(left / 2));     \
          const int16x8_t both = vmovntq_s32(vmovnbq_s32(vdupq_n_s16(0), even), odd);              \
          store(output + channel, both, inside);                                                   \
        }                                                                                          \
        output += channels;                                                                        \
      }                                                                                            \
    }                                                                                              \
    image += w->input_height * line;                                                               \
  }

void tq_depthwise_conv_2d_s8_mve(const void *params) {
  const tq_depthwise_conv_2d_s8_params *p = params;
  DEPTHWISE(p, int8_t, s8, p->input_offset, vstrbq_p_s16)
}

void tq_depthwise_conv_2d_s16_mve(const void *params) {
  const tq_depthwise_conv_2d_s16_mve_params *p = params;
  DEPTHWISE(p, int16_t, s16, 0, vstrhq_p_s16)
}
