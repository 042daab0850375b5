/* ADD and SUB */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

/* Bits of headroom that keep precision while the inputs are brought to one scale. */
#define LEFT_SHIFT_S8 20
#define LEFT_SHIFT_S16 15

/* a + b or a - b of integers, each brought to one scale. */
#define INTEGER_SUM(p, a, sign, b, left_shift, output, type)                         \
  const int32_t scaled1 = tq_scale(((a) + (p)->input1_offset) * (1 << (left_shift)), \
                                   (p)->input1_multiplier, (p)->input1_shift);       \
  const int32_t scaled2 = tq_scale(((b) + (p)->input2_offset) * (1 << (left_shift)), \
                                   (p)->input2_multiplier, (p)->input2_shift);       \
  const int32_t result =                                                             \
      tq_scale(scaled1 sign scaled2, (p)->output_multiplier, (p)->output_shift);     \
  *output++ = (type)tq_clamp(result + (p)->output_offset, (p)->activation_min, (p)->activation_max)

#define KERNEL tq_add_f32
#define PARAMS tq_binary_f32_params
#define ELEMENT float
#define FINISH(p, a, b, output) \
  *output++ = tq_clamp_f32((a) + (b), (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"

#define KERNEL tq_add_s8
#define PARAMS tq_add_s8_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) INTEGER_SUM(p, a, +, b, LEFT_SHIFT_S8, output, int8_t)
#include "tq_binary_template.h"

#define KERNEL tq_add_s16
#define PARAMS tq_add_s16_params
#define ELEMENT int16_t
#define FINISH(p, a, b, output) INTEGER_SUM(p, a, +, b, LEFT_SHIFT_S16, output, int16_t)
#include "tq_binary_template.h"

#define KERNEL tq_sub_f32
#define PARAMS tq_binary_f32_params
#define ELEMENT float
#define FINISH(p, a, b, output) \
  *output++ = tq_clamp_f32((a) - (b), (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"

#define KERNEL tq_sub_s8
#define PARAMS tq_add_s8_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) INTEGER_SUM(p, a, -, b, LEFT_SHIFT_S8, output, int8_t)
#include "tq_binary_template.h"

#define KERNEL tq_sub_s16
#define PARAMS tq_add_s16_params
#define ELEMENT int16_t
#define FINISH(p, a, b, output) INTEGER_SUM(p, a, -, b, LEFT_SHIFT_S16, output, int16_t)
#include "tq_binary_template.h"
