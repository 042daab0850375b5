/* MAX_POOL_2D on int8 and int16, a word of channels at a time */
#include "tq_kernels_dsp_dense.h"

#include "tq_dsp_arithmetic.h"
#include "tq_iteration.h"

/* Operations on the 4 bytes or 2 halfwords of a word. */
typedef uint32_t (*lanes)(uint32_t a, uint32_t b);

static inline uint32_t largest_s8(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}

static inline uint32_t smallest_s8(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__("ssub8 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}

static inline uint32_t largest_s16(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__("ssub16 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}

static inline uint32_t smallest_s16(uint32_t a, uint32_t b) {
  uint32_t result;
  __asm__("ssub16 %0, %1, %2\n\tsel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b) : "cc");
  return result;
}

/* Words per pixel and per row of pixels, and the part of the window that lies in the input. */
typedef struct window_part {
  int32_t pixel;
  int32_t row;
  int32_t columns;
  int32_t rows;
} window_part;

/* The largest values of `count` <= 4 consecutive words of a pixel over the window. */
static inline __attribute__((always_inline)) void pool_words(const window_part *part,
                                                             const uint32_t *input, int32_t count,
                                                             lanes largest, uint32_t result[4]) {
  for (int32_t i = 0; i < count; ++i) {
    result[i] = input[i];
  }
  for (int32_t rows = part->rows; rows > 0; --rows) {
    const uint32_t *in = input;
    for (int32_t columns = part->columns; columns > 0; --columns) {
      for (int32_t i = 0; i < count; ++i) {
        result[i] = largest(in[i], result[i]);
      }
      in += part->pixel;
    }
    input += part->row;
  }
}

static inline __attribute__((always_inline)) uint32_t *pool_pixel(const window_part *part,
                                                                  const uint32_t *input,
                                                                  uint32_t *output,
                                                                  const uint32_t limits[2],
                                                                  lanes largest, lanes smallest) {
  uint32_t words[4];
  int32_t left = part->pixel;
  for (; left >= 4; left -= 4) {
    pool_words(part, input, 4, largest, words);
    for (int32_t i = 0; i < 4; ++i) {
      *output++ = smallest(largest(words[i], limits[0]), limits[1]);
    }
    input += 4;
  }
  for (; left > 0; --left) {
    pool_words(part, input++, 1, largest, words);
    *output++ = smallest(largest(words[0], limits[0]), limits[1]);
  }
  return output;
}

static inline __attribute__((always_inline)) void max_pool(const tq_window *w,
                                                           const uint32_t *image, uint32_t *output,
                                                           int32_t pixel, const uint32_t limits[2],
                                                           lanes largest, lanes smallest) {
  window_part part = {.pixel = pixel, .row = w->input_width * pixel};
  for (int32_t batch = 0; batch < w->batches; ++batch) {
    for (int32_t y = 0; y < w->output_height; ++y) {
      const int32_t y0 = tq_window_origin_y(w, y);
      const tq_range rows = tq_clip_window(y0, w->filter_height, 1, w->input_height);
      part.rows = rows.end - rows.begin;
      const uint32_t *line = image + (y0 + rows.begin) * part.row;
      for (int32_t x = 0; x < w->output_width; ++x) {
        const int32_t x0 = tq_window_origin_x(w, x);
        const tq_range columns = tq_clip_window(x0, w->filter_width, 1, w->input_width);
        part.columns = columns.end - columns.begin;
        const uint32_t *input = line + (x0 + columns.begin) * pixel;
        output = pool_pixel(&part, input, output, limits, largest, smallest);
      }
    }
    image += w->input_height * part.row;
  }
}

void tq_max_pool_2d_s8_dsp(const void *params) {
  const tq_pool_2d_s8_params *p = params;
  const uint32_t limits[2] = {(uint8_t)p->activation_min * 0x01010101u,
                              (uint8_t)p->activation_max * 0x01010101u};
  max_pool(&p->window, (const uint32_t *)p->input, (uint32_t *)p->output,
           p->window.input_channels / 4, limits, largest_s8, smallest_s8);
}

void tq_max_pool_2d_s16_dsp(const void *params) {
  const tq_pool_2d_s16_params *p = params;
  const uint32_t limits[2] = {(uint16_t)p->activation_min * 0x00010001u,
                              (uint16_t)p->activation_max * 0x00010001u};
  max_pool(&p->window, (const uint32_t *)p->input, (uint32_t *)p->output,
           p->window.input_channels / 2, limits, largest_s16, smallest_s16);
}
