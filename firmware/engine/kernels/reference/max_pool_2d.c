/* MAX_POOL_2D */
#include "tq_reference.h"

#include <float.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KEEP_LARGER(maximum, input) \
  if ((input) > maximum) {          \
    maximum = (input);              \
  }

#define KERNEL tq_max_pool_2d_f32
#define PARAMS tq_pool_2d_f32_params
#define ELEMENT float
#define SUM float
#define FIRST -FLT_MAX
#define ADD KEEP_LARGER
#define RESULT(p, maximum, count) tq_clamp_f32(maximum, (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"

#define KERNEL tq_max_pool_2d_s8
#define PARAMS tq_pool_2d_s8_params
#define ELEMENT int8_t
#define SUM int32_t
#define FIRST INT8_MIN
#define ADD KEEP_LARGER
#define RESULT(p, maximum, count) \
  (int8_t) tq_clamp(maximum, (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"

#define KERNEL tq_max_pool_2d_s16
#define PARAMS tq_pool_2d_s16_params
#define ELEMENT int16_t
#define SUM int32_t
#define FIRST INT16_MIN
#define ADD KEEP_LARGER
#define RESULT(p, maximum, count) \
  (int16_t) tq_clamp(maximum, (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"
