/* RESIZE_BILINEAR */
#include "tq_reference.h"

#include <math.h>

/* Between which inputs an output lies, and where. */
typedef struct span_f32 {
  int32_t lower;
  int32_t upper;
  float fraction; /* of the way from `lower`; negative before the first */
} span_f32;

static inline span_f32 locate_f32(int32_t position, float scale, int32_t half_pixel_centers,
                                  int32_t size) {
  const float at =
      half_pixel_centers ? ((float)position + 0.5f) * scale - 0.5f : (float)position * scale;
  const int32_t below = (int32_t)floorf(at);
  const int32_t above = (int32_t)ceilf(at);
  span_f32 span;
  span.lower = below > 0 ? below : 0;
  span.upper = above < size - 1 ? above : size - 1;
  span.fraction = at - (float)span.lower;
  return span;
}

void tq_resize_bilinear_f32(const void *params) {
  const tq_resize_bilinear_f32_params *p = params;
  const int32_t row = p->width * p->depth;
  float *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const float *image = p->input + batch * p->height * row;
    for (int32_t i = 0; i < p->output_height; ++i) {
      const span_f32 y = locate_f32(i, p->height_scale, p->half_pixel_centers, p->height);
      const float *upper = image + y.lower * row;
      const float *lower = image + y.upper * row;
      for (int32_t j = 0; j < p->output_width; ++j) {
        const span_f32 x = locate_f32(j, p->width_scale, p->half_pixel_centers, p->width);
        for (int32_t c = 0; c < p->depth; ++c) {
          const int32_t left = x.lower * p->depth + c;
          const int32_t right = x.upper * p->depth + c;
          *output++ = upper[left] * (1.0f - y.fraction) * (1.0f - x.fraction) +
                      lower[left] * y.fraction * (1.0f - x.fraction) +
                      upper[right] * (1.0f - y.fraction) * x.fraction +
                      lower[right] * y.fraction * x.fraction;
        }
      }
    }
  }
}

#define ONE (1 << 10)

typedef struct span_s8 {
  int32_t lower;
  int32_t upper;
  int32_t fraction; /* in units of 1 / ONE */
} span_s8;

static inline span_s8 locate_s8(int32_t position, int32_t scale, int32_t half_pixel_centers,
                                int32_t size) {
  const int32_t at = half_pixel_centers ? position * scale + scale / 2 - ONE / 2 : position * scale;
  const int32_t below = at / ONE;
  const int32_t above = (at + ONE - 1) / ONE;
  span_s8 span;
  span.lower = below > 0 ? below : 0;
  span.upper = above < size - 1 ? above : size - 1;
  span.fraction = at - ONE * span.lower;
  return span;
}

void tq_resize_bilinear_s8(const void *params) {
  const tq_resize_bilinear_s8_params *p = params;
  const int32_t row = p->width * p->depth;
  int8_t *output = p->output;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    const int8_t *image = p->input + batch * p->height * row;
    for (int32_t i = 0; i < p->output_height; ++i) {
      const span_s8 y = locate_s8(i, p->height_scale, p->half_pixel_centers, p->height);
      const int8_t *upper = image + y.lower * row;
      const int8_t *lower = image + y.upper * row;
      for (int32_t j = 0; j < p->output_width; ++j) {
        const span_s8 x = locate_s8(j, p->width_scale, p->half_pixel_centers, p->width);
        for (int32_t c = 0; c < p->depth; ++c) {
          const int32_t left = x.lower * p->depth + c;
          const int32_t right = x.upper * p->depth + c;
          const int64_t sum = (int64_t)upper[left] * (ONE - y.fraction) * (ONE - x.fraction) +
                              (int64_t)lower[left] * y.fraction * (ONE - x.fraction) +
                              (int64_t)upper[right] * (ONE - y.fraction) * x.fraction +
                              (int64_t)lower[right] * y.fraction * x.fraction;
          const int64_t half = sum > 0 ? 1 << 19 : -(1 << 19);
          *output++ = (int8_t)((sum + half) / (1 << 20));
        }
      }
    }
  }
}
