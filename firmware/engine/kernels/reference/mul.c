/* MUL */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL tq_mul_f32
#define PARAMS tq_binary_f32_params
#define ELEMENT float
#define FINISH(p, a, b, output) \
  *output++ = tq_clamp_f32((a) * (b), (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"

#define KERNEL tq_mul_s8
#define PARAMS tq_mul_s8_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output)                                                               \
  const int32_t product = ((a) + (p)->input1_offset) * ((b) + (p)->input2_offset);            \
  const int32_t scaled = tq_scale(product, (p)->multiplier, (p)->shift) + (p)->output_offset; \
  *output++ = (int8_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"

#define KERNEL tq_mul_s16
#define PARAMS tq_mul_s16_params
#define ELEMENT int16_t
#define FINISH(p, a, b, output)                                                               \
  const int32_t product = ((a) + (p)->input1_offset) * ((b) + (p)->input2_offset);            \
  const int32_t scaled = tq_scale(product, (p)->multiplier, (p)->shift) + (p)->output_offset; \
  *output++ = (int16_t)tq_clamp(scaled, (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"
