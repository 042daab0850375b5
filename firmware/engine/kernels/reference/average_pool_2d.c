/* AVERAGE_POOL_2D */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

/* sum / count, ties away from zero. */
static inline int32_t rounded_mean(int32_t sum, int32_t count) {
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

#define KERNEL tq_average_pool_2d_f32
#define PARAMS tq_pool_2d_f32_params
#define ELEMENT float
#define SUM float
#define FIRST 0
#define ADD(sum, input) sum += (input)
#define RESULT(p, sum, count) \
  tq_clamp_f32((sum) / (float)(count), (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"

#define KERNEL tq_average_pool_2d_s8
#define PARAMS tq_pool_2d_s8_params
#define ELEMENT int8_t
#define SUM int32_t
#define FIRST 0
#define ADD(sum, input) sum += (input)
#define RESULT(p, sum, count) \
  (int8_t) tq_clamp(rounded_mean(sum, count), (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"

#define KERNEL tq_average_pool_2d_s16
#define PARAMS tq_pool_2d_s16_params
#define ELEMENT int16_t
#define SUM int32_t
#define FIRST 0
#define ADD(sum, input) sum += (input)
#define RESULT(p, sum, count) \
  (int16_t) tq_clamp(rounded_mean(sum, count), (p)->activation_min, (p)->activation_max)
#include "tq_pool_2d_template.h"
