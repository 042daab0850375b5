/* CONV_2D */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL tq_conv_2d_f32
#define PARAMS tq_conv_2d_f32_params
#define ELEMENT float
#define WEIGHT float
#define SUM float
#define PRODUCT(p, input, weight) ((input) * (weight))
#define FINISH(p, channel, sum, output)                 \
  sum += (p)->bias != NULL ? (p)->bias[channel] : 0.0f; \
  output = tq_clamp_f32(sum, (p)->activation_min, (p)->activation_max)
#include "tq_conv_2d_template.h"

#define KERNEL tq_conv_2d_s8
#define PARAMS tq_conv_2d_s8_params
#define ELEMENT int8_t
#define WEIGHT int8_t
#define SUM int32_t
#define PRODUCT(p, input, weight) (((input) + (p)->input_offset) * (weight))
#define FINISH(p, channel, sum, output)                                                       \
  const int32_t biased = tq_add_wrapping(sum, (p)->bias != NULL ? (p)->bias[channel] : 0);    \
  const int32_t scaled =                                                                      \
      tq_scale(biased, (p)->multipliers[channel], (p)->shifts[channel]) + (p)->output_offset; \
  output = (int8_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
#include "tq_conv_2d_template.h"

#define KERNEL tq_conv_2d_s16
#define PARAMS tq_conv_2d_s16_params
#define ELEMENT int16_t
#define WEIGHT int8_t
#define SUM int64_t
#define PRODUCT(p, input, weight) ((input) * (weight))
#define FINISH(p, channel, sum, output)                                                           \
  sum += (p)->bias != NULL ? (p)->bias[channel] : 0;                                              \
  const int32_t scaled = tq_scale_64(sum, (p)->multipliers[channel], (p)->right_shifts[channel]); \
  output = (int16_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
#include "tq_conv_2d_template.h"

#define KERNEL tq_conv_2d_acc32_s16
#define PARAMS tq_conv_2d_acc32_s16_params
#define ELEMENT int16_t
#define WEIGHT int8_t
#define SUM uint32_t
#define PRODUCT(p, input, weight) ((uint32_t)((input) * (weight)))
#define FINISH(p, channel, sum, output)                                                           \
  sum += (uint32_t)(p)->bias[channel];                                                            \
  const int32_t scaled = tq_scale((int32_t)sum, (p)->multipliers[channel], (p)->shifts[channel]); \
  output = (int16_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
#include "tq_conv_2d_template.h"
