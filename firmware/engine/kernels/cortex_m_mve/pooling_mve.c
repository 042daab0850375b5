/* MAX_POOL_2D and AVERAGE_POOL_2D on int8 and int16, and MEAN: a vector of channels at a time */
#include "tq_iteration.h"
#include "tq_mve.h"

/* The part of a window that lies in the input, in elements. */
typedef struct window_part {
  int32_t pixel;
  int32_t row;
  int32_t columns;
  int32_t rows;
} window_part;

/*
 * A walk over the output, pixel by pixel. POOL(part, input, output, channels, p) makes the outputs
 * of a pixel of which `input` is the first that its window sees.
 */
#define POOLING(p, element, pool)                                                             \
  const tq_window *w = &(p)->window;                                                          \
  window_part part = {.pixel = w->input_channels, .row = w->input_width * w->input_channels}; \
  const element *image = (p)->input;                                                          \
  element *output = (p)->output;                                                              \
  for (int32_t batch = 0; batch < w->batches; ++batch) {                                      \
    for (int32_t y = 0; y < w->output_height; ++y) {                                          \
      const int32_t y0 = tq_window_origin_y(w, y);                                            \
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);         \
      part.rows = rows.end - rows.begin;                                                      \
      for (int32_t x = 0; x < w->output_width; ++x) {                                         \
        const int32_t x0 = tq_window_origin_x(w, x);                                          \
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);      \
        part.columns = columns.end - columns.begin;                                           \
        pool(&part, image + (y0 + rows.begin) * part.row + (x0 + columns.begin) * part.pixel, \
             output, (p)->activation_min, (p)->activation_max);                               \
        output += part.pixel;                                                                 \
      }                                                                                       \
    }                                                                                         \
    image += w->input_height * part.row;                                                      \
  }

/* The largest of each channel, `lanes` channels per pass. */
#define MAXIMUM(name, element, vector, lanes, predicate, smallest, dup, largest, lower, load, \
                store)                                                                        \
  static inline void name(const window_part *part, const element *input, element *output,     \
                          int32_t low, int32_t high) {                                        \
    for (int32_t left = part->pixel; left > 0; left -= lanes) {                               \
      const mve_pred16_t inside = predicate((uint32_t)left);                                  \
      vector best = dup(smallest);                                                            \
      const element *line = input;                                                            \
      for (int32_t rows = part->rows; rows > 0; --rows) {                                     \
        const element *in = line;                                                             \
        for (int32_t columns = part->columns; columns > 0; --columns) {                       \
          best = largest(best, load(in, inside));                                             \
          in += part->pixel;                                                                  \
        }                                                                                     \
        line += part->row;                                                                    \
      }                                                                                       \
      best = lower(largest(best, dup((element)low)), dup((element)high));                     \
      store(output, best, inside);                                                            \
      input += lanes;                                                                         \
      output += lanes;                                                                        \
    }                                                                                         \
  }

MAXIMUM(max_s8, int8_t, int8x16_t, 16, vctp8q, INT8_MIN, vdupq_n_s8, vmaxq_s8, vminq_s8,
        vldrbq_z_s8, vstrbq_p_s8)
MAXIMUM(max_s16, int16_t, int16x8_t, 8, vctp16q, INT16_MIN, vdupq_n_s16, vmaxq_s16, vminq_s16,
        vldrhq_z_s16, vstrhq_p_s16)

/*
 * sum / count, ties away from zero: the upper half of a product with the reciprocal, which is exact
 * while |sum| * count < 2^32. The sign is taken away and given back by a mask of ones for it.
 */
static inline int32x4_t divided(int32x4_t sum, uint32_t count) {
  if (count == 1) {
    return sum;
  }
  const int32x4_t sign = vshrq_n_s32(sum, 31);
  const int32x4_t magnitude = vaddq_n_s32(vabsq_s32(sum), (int32_t)(count / 2));
  const uint32x4_t reciprocal = vdupq_n_u32(UINT32_MAX / count + 1);
  const uint32x4_t quotient = vmulhq_u32(vreinterpretq_u32_s32(magnitude), reciprocal);
  return vsubq_s32(veorq_s32(vreinterpretq_s32_u32(quotient), sign), sign);
}

#define AVERAGE(name, element, load, store)                                               \
  static inline void name(const window_part *part, const element *input, element *output, \
                          int32_t low, int32_t high) {                                    \
    const uint32_t count = (uint32_t)(part->rows * part->columns);                        \
    for (int32_t left = part->pixel; left > 0; left -= 4) {                               \
      const mve_pred16_t inside = vctp32q((uint32_t)left);                                \
      int32x4_t sum = vdupq_n_s32(0);                                                     \
      const element *line = input;                                                        \
      for (int32_t rows = part->rows; rows > 0; --rows) {                                 \
        const element *in = line;                                                         \
        for (int32_t columns = part->columns; columns > 0; --columns) {                   \
          sum = vaddq_s32(sum, load(in, inside));                                         \
          in += part->pixel;                                                              \
        }                                                                                 \
        line += part->row;                                                                \
      }                                                                                   \
      store(output, tq_mve_clamp(divided(sum, count), low, high), inside);                \
      input += 4;                                                                         \
      output += 4;                                                                        \
    }                                                                                     \
  }

AVERAGE(average_s8, int8_t, vldrbq_z_s32, vstrbq_p_s32)
AVERAGE(average_s16, int16_t, vldrhq_z_s32, vstrhq_p_s32)

void tq_max_pool_2d_s8_mve(const void *params) {
  const tq_pool_2d_s8_params *p = params;
  POOLING(p, int8_t, max_s8)
}

void tq_max_pool_2d_s16_mve(const void *params) {
  const tq_pool_2d_s16_params *p = params;
  POOLING(p, int16_t, max_s16)
}

void tq_average_pool_2d_s8_mve(const void *params) {
  const tq_pool_2d_s8_params *p = params;
  POOLING(p, int8_t, average_s8)
}

void tq_average_pool_2d_s16_mve(const void *params) {
  const tq_pool_2d_s16_params *p = params;
  POOLING(p, int16_t, average_s16)
}

/* Four of the inner axis at a time. */
#define MEAN(p, element, load, store, low, high)                                             \
  const element *block = (p)->input;                                                         \
  element *output = (p)->output;                                                             \
  const int32x4_t multiplier = vdupq_n_s32((p)->multiplier);                                 \
  const int32x4_t shift = vdupq_n_s32((p)->shift);                                           \
  for (int32_t outer = 0; outer < (p)->outer; ++outer) {                                     \
    const element *column = block;                                                           \
    for (int32_t left = (p)->inner; left > 0; left -= 4) {                                   \
      const mve_pred16_t inside = vctp32q((uint32_t)left);                                   \
      int32x4_t sum = vdupq_n_s32((p)->reduced * (p)->input_offset);                         \
      const element *in = column;                                                            \
      for (int32_t i = (p)->reduced; i > 0; --i) {                                           \
        sum = vaddq_s32(sum, load(in, inside));                                              \
        in += (p)->inner;                                                                    \
      }                                                                                      \
      const int32x4_t mean = tq_mve_scale(sum, multiplier, shift);                           \
      store(output, tq_mve_clamp(vaddq_n_s32(mean, (p)->output_offset), low, high), inside); \
      output += left < 4 ? left : 4;                                                         \
      column += 4;                                                                           \
    }                                                                                        \
    block += (p)->reduced * (p)->inner;                                                      \
  }

void tq_mean_s8_mve(const void *params) {
  const tq_mean_s8_params *p = params;
  MEAN(p, int8_t, vldrbq_z_s32, vstrbq_p_s32, INT8_MIN, INT8_MAX)
}

void tq_mean_s16_mve(const void *params) {
  const tq_mean_s16_params *p = params;
  MEAN(p, int16_t, vldrhq_z_s32, vstrhq_p_s32, INT16_MIN, INT16_MAX)
}
