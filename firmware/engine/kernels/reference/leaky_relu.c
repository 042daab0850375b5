/* LEAKY_RELU */
#include "tq_reference.h"

#include "tq_fixed_point.h"

/* `value` without its offset, in units of the output, before its offset and limits. */
#define SCALED(p, value)                                       \
  ((value) >= 0 ? tq_scale(value, (p)->multiplier, (p)->shift) \
                : tq_scale(value, (p)->alpha_multiplier, (p)->alpha_shift))

#define KERNEL tq_leaky_relu_f32
#define PARAMS tq_leaky_relu_f32_params
#define RESULT(p, input) ((input) > 0.0f ? (input) : (input) * (p)->alpha)
#include "tq_unary_template.h"

#define KERNEL tq_leaky_relu_s8
#define PARAMS tq_leaky_relu_s8_params
#define RESULT(p, input) \
  (int8_t) tq_clamp(SCALED(p, (input) + (p)->input_offset) + (p)->output_offset, INT8_MIN, INT8_MAX)
#include "tq_unary_template.h"

#define KERNEL tq_leaky_relu_s16
#define PARAMS tq_leaky_relu_s16_params
#define RESULT(p, input) \
  (int16_t)              \
      tq_clamp(SCALED(p, (input) + (p)->input_offset) + (p)->output_offset, INT16_MIN, INT16_MAX)
#include "tq_unary_template.h"
