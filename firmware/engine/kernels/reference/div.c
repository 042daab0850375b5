/* DIV on float32 and int8 */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"
#include "tq_reciprocal.h"

#define KERNEL tq_div_f32
#define PARAMS tq_binary_f32_params
#define ELEMENT float
#define FINISH(p, a, b, output) \
  *output++ = tq_clamp_f32((a) / (b), (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"

/* a / b in the output's units: a, as large as 32 bits allow, times 1 / b, times the factor. */
static inline int32_t quotient(const tq_mul_s8_params *p, int32_t a, int32_t b) {
  if (b == 0) {
    return p->activation_max;
  }
  const int32_t numerator = b < 0 ? -a : a;
  const uint32_t denominator = (uint32_t)(b < 0 ? -b : b);
  const int32_t headroom = __builtin_clz(denominator);
  const int32_t inverse =
      tq_one_over_one_plus_x((int32_t)((denominator << headroom) - (UINT32_C(1) << 31)));
  if (numerator == 0) {
    return p->output_offset;
  }
  const int32_t left = __builtin_clrsb(numerator);
  const int32_t scaled = tq_multiply_high((int32_t)((uint32_t)numerator << left), inverse);
  const int32_t right = left + 31 - headroom - p->shift;
  const int32_t product = tq_multiply_high(scaled, p->multiplier);
  return (right > 31 ? 0 : tq_divide_by_power_of_two(product, right)) + p->output_offset;
}

#define KERNEL tq_div_s8
#define PARAMS tq_mul_s8_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output)                                                           \
  const int32_t result = quotient(p, (a) + (p)->input1_offset, (b) + (p)->input2_offset); \
  *output++ = (int8_t)tq_clamp(result, (p)->activation_min, (p)->activation_max)
#include "tq_binary_template.h"
