/* SQUARED_DIFFERENCE on float32, int8 and int16 */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define LEFT_SHIFT_S8 7
#define LEFT_SHIFT_S16 0

#define KERNEL tq_squared_difference_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output)       \
  const float difference = (a) - (b); \
  *output++ = difference * difference
#include "tq_binary_template.h"

/* (a - b)^2 of integers, each brought to one scale. */
#define INTEGER_RESULT(p, a, b, left_shift, output, type)                                      \
  const int32_t scaled1 = tq_scale(((a) + (p)->input1_offset) * (1 << (left_shift)),           \
                                   (p)->input1_multiplier, (p)->input1_shift);                 \
  const int32_t scaled2 = tq_scale(((b) + (p)->input2_offset) * (1 << (left_shift)),           \
                                   (p)->input2_multiplier, (p)->input2_shift);                 \
  const uint32_t difference = (uint32_t)(scaled1 - scaled2);                                   \
  const int32_t result =                                                                       \
      tq_scale((int32_t)(difference * difference), (p)->output_multiplier, (p)->output_shift); \
  *output++ = (type)tq_clamp(result + (p)->output_offset, (p)->activation_min, (p)->activation_max)

#define KERNEL tq_squared_difference_s8
#define PARAMS tq_add_s8_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) INTEGER_RESULT(p, a, b, LEFT_SHIFT_S8, output, int8_t)
#include "tq_binary_template.h"

#define KERNEL tq_squared_difference_s16
#define PARAMS tq_add_s16_params
#define ELEMENT int16_t
#define FINISH(p, a, b, output) INTEGER_RESULT(p, a, b, LEFT_SHIFT_S16, output, int16_t)
#include "tq_binary_template.h"
