/* ABS, CEIL, COS, ELU, EXP, FLOOR, HARD_SWISH, LOG, NEG, ROUND, RSQRT, SIN, SQRT, SQUARE */
#include "tq_reference.h"

#include <math.h>

#include "tq_fixed_point.h"
#include "tq_reciprocal.h"

#define KERNEL tq_abs_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) fabsf(input)
#include "tq_unary_template.h"

#define KERNEL tq_ceil_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) ceilf(input)
#include "tq_unary_template.h"

#define KERNEL tq_cos_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) cosf(input)
#include "tq_unary_template.h"

#define KERNEL tq_elu_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) ((input) < 0.0f ? expm1f(input) : (input))
#include "tq_unary_template.h"

#define KERNEL tq_exp_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) expf(input)
#include "tq_unary_template.h"

#define KERNEL tq_floor_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) floorf(input)
#include "tq_unary_template.h"

#define KERNEL tq_hard_swish_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) ((input)*tq_clamp_f32((input) + 3.0f, 0.0f, 6.0f) / 6.0f)
#include "tq_unary_template.h"

#define KERNEL tq_log_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) logf(input)
#include "tq_unary_template.h"

#define KERNEL tq_neg_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) (-(input))
#include "tq_unary_template.h"

/* Numbers beyond 2^23 are whole. A negative one that rounds to zero gives +0, unlike rintf(). */
static inline float rounded(float value) {
  const float below = floorf(value);
  const float fraction = value - below;
  const int even = fmodf(below, 2.0f) == 0.0f;
  return fraction < 0.5f || (fraction == 0.5f && even) ? below : below + 1.0f;
}

#define KERNEL tq_round_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) rounded(input)
#include "tq_unary_template.h"

#define KERNEL tq_rsqrt_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) (1.0f / sqrtf(input))
#include "tq_unary_template.h"

#define KERNEL tq_sin_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) sinf(input)
#include "tq_unary_template.h"

#define KERNEL tq_sqrt_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) sqrtf(input)
#include "tq_unary_template.h"

#define KERNEL tq_square_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) ((input) * (input))
#include "tq_unary_template.h"

#define KERNEL tq_table_s8
#define PARAMS tq_table_s8_params
#define RESULT(p, input) (p)->table[(input) + 128]
#include "tq_unary_template.h"

/* |value| of an int16, in 32 bits. */
static inline int32_t magnitude(int32_t value) { return value < 0 ? -value : value; }

#define KERNEL tq_abs_s16
#define PARAMS tq_abs_s16_params
#define RESULT(p, input) \
  (int16_t) tq_clamp(tq_scale(magnitude(input), (p)->multiplier, (p)->shift), INT16_MIN, INT16_MAX)
#include "tq_unary_template.h"

/* 1 / sqrt(value) with 20 fraction bits; the largest output for 0 and what has no root. */
static inline int32_t inverse_root(const tq_rsqrt_s16_params *p, int32_t value) {
  if (value <= 0) {
    return INT16_MAX;
  }
  const tq_factor inverse = tq_inverse_sqrt(value);
  const int32_t fixed = tq_scale(1, inverse.multiplier, inverse.shift + 20);
  return p->shift < -31 ? 0 : tq_scale(fixed, p->multiplier, p->shift);
}

#define KERNEL tq_rsqrt_s16
#define PARAMS tq_rsqrt_s16_params
#define RESULT(p, input) (int16_t) tq_clamp(inverse_root(p, input), INT16_MIN, INT16_MAX)
#include "tq_unary_template.h"

#define KERNEL tq_logical_not
#define PARAMS tq_logical_not_params
#define RESULT(p, input) !(input)
#include "tq_unary_template.h"
