/* FLOOR_DIV and FLOOR_MOD */
#include "tq_reference.h"

#include <math.h>

#include "tq_iteration.h"

#define KERNEL tq_floor_div_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) output = floorf((a) / (b))
#include "tq_binary_template.h"

#define KERNEL tq_floor_div_s8
#define PARAMS tq_pair_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) output = (int8_t)floored(a, b)
static inline int32_t floored(int32_t a, int32_t b) {
  if (b == 0) {
    return 0;
  }
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}
#include "tq_binary_template.h"

/* The remainder of a / b, moved to the divisor's side of 0. */
static inline float remainder_f32(float a, float b) {
  const float cut = fmodf(a, b);
  return cut != 0.0f && (b < 0.0f) != (cut < 0.0f) ? cut + b : cut;
}

#define KERNEL tq_floor_mod_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) output = remainder_f32(a, b)
#include "tq_binary_template.h"

static inline int32_t remainder_s32(int32_t a, int32_t b) {
  if (b == 0) {
    return 0;
  }
  const int32_t cut = a % b;
  return cut != 0 && (b < 0) != (cut < 0) ? cut + b : cut;
}

#define KERNEL tq_floor_mod_s8
#define PARAMS tq_pair_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) output = (int8_t)remainder_s32(a, b)
#include "tq_binary_template.h"
