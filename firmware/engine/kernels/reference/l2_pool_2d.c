/* L2_POOL_2D */
#include "tq_reference.h"

#include <math.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL tq_l2_pool_2d_f32
#define PARAMS tq_pool_2d_f32_params
#define ELEMENT float
#define SUM float
#define FIRST 0.0f
#define ADD(sum, input) sum += (input) * (input)
#define RESULT(p, sum, count) \
  tq_clamp_f32(sqrtf((sum) / (float)(count)), (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"
