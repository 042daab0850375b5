/* CONV_2D on int8 and int16, one pixel of all channels at a time */
#include <stddef.h>

#include "tq_iteration.h"
#include "tq_mve.h"

/*
 * A walk over the output: COLUMN is where the inputs of a pixel lie, one after the other; that is
 * in the input itself where a window is one pixel.
 */
#define CONVOLUTION(p, element, zero_byte, channels_of)                                   \
  const tq_window *w = &(p)->window;                                                      \
  const tq_mve_gather gather = tq_mve_gather_of(w, sizeof(element), zero_byte);           \
  const int8_t *image = (const int8_t *)(p)->input;                                       \
  element *output = (p)->output;                                                          \
  for (int32_t batch = 0; batch < w->batches; ++batch) {                                  \
    for (int32_t y = 0; y < w->output_height; ++y) {                                      \
      const int32_t y0 = tq_window_origin_y(w, y);                                        \
      int32_t x0 = tq_window_origin_x(w, 0);                                              \
      for (int32_t x = 0; x < w->output_width; ++x, x0 += w->stride_width) {              \
        const int8_t *column = image + (y0 * w->input_width + x0) * gather.pixel;         \
        if ((p)->scratch != NULL) {                                                       \
          tq_mve_gather_window(&gather, image, y0, x0, (int8_t *)(p)->scratch);           \
          column = (const int8_t *)(p)->scratch;                                          \
        }                                                                                 \
        output = channels_of(&(p)->layer, (const element *)(const void *)column, output); \
      }                                                                                   \
    }                                                                                     \
    image += w->input_height * gather.line;                                               \
  }

void tq_conv_2d_s8_mve(const void *params) {
  const tq_conv_2d_s8_mve_params *p = params;
  CONVOLUTION(p, int8_t, (uint8_t)p->input_zero_point, tq_mve_channels_s8)
}

void tq_conv_2d_s16_mve(const void *params) {
  const tq_conv_2d_s16_mve_params *p = params;
  CONVOLUTION(p, int16_t, 0, tq_mve_channels_s16)
}
