/* ADD, SUB, MUL and DIV on int32 */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define LIMITED(p, value) tq_clamp((int32_t)(value), (p)->activation_min, (p)->activation_max)

#define KERNEL tq_add_s32
#define PARAMS tq_binary_s32_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output) *output++ = LIMITED(p, (uint32_t)(a) + (uint32_t)(b))
#include "tq_binary_template.h"

#define KERNEL tq_sub_s32
#define PARAMS tq_binary_s32_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output) *output++ = LIMITED(p, (uint32_t)(a) - (uint32_t)(b))
#include "tq_binary_template.h"

#define KERNEL tq_mul_s32
#define PARAMS tq_binary_s32_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output) *output++ = LIMITED(p, (uint32_t)(a) * (uint32_t)(b))
#include "tq_binary_template.h"

/* The one quotient that int32 lacks, and those by 0, must not stop the processor. */
static inline int32_t quotient(int32_t a, int32_t b) {
  if (b == 0) {
    return 0;
  }
  return b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;
}

#define KERNEL tq_div_s32
#define PARAMS tq_binary_s32_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output) *output++ = LIMITED(p, quotient(a, b))
#include "tq_binary_template.h"

#define KERNEL tq_squared_difference_s32
#define PARAMS tq_pair_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output)                              \
  const uint32_t difference = (uint32_t)(a) - (uint32_t)(b); \
  *output++ = (int32_t)(difference * difference)
#include "tq_binary_template.h"
