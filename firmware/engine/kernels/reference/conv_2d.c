/* CONV_2D */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL tq_conv_2d_f32
#define PARAMS tq_conv_2d_f32_params
#include "tq_arithmetic_f32.h"
#include "tq_conv_2d_template.h"

#define KERNEL tq_conv_2d_s8
#define PARAMS tq_conv_2d_s8_params
#include "tq_arithmetic_s8.h"
#include "tq_conv_2d_template.h"

#define KERNEL tq_conv_2d_s16
#define PARAMS tq_conv_2d_s16_params
#include "tq_arithmetic_s16.h"
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
  *output++ = (int16_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
#include "tq_conv_2d_template.h"
