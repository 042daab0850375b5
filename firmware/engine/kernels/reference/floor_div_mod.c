/* FLOOR_DIV and FLOOR_MOD; TensorFlow Lite Micro divides in double. */
#include "tq_reference.h"

#include <math.h>

#include "tq_iteration.h"

#define KERNEL tq_floor_div_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) *output++ = (float)floor((double)(a) / (double)(b))
#include "tq_binary_template.h"

/* The remainder of a / b, moved to the divisor's side of 0. */
static inline float remainder_f32(float a, float b) {
  const float cut = fmodf(a, b);
  return cut != 0.0f && (b < 0.0f) != (cut < 0.0f) ? cut + b : cut;
}

#define KERNEL tq_floor_mod_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) *output++ = remainder_f32(a, b)
#include "tq_binary_template.h"
