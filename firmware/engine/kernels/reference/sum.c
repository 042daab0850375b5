/* SUM, and MEAN over axes that are not neighbours */
#include "tq_reference.h"

#include "tq_fixed_point.h"

#define KERNEL tq_sum_f32
#define PARAMS tq_reduce_params
#define ELEMENT float
#define SUM float
#define FIRST 0.0f
#define ADD(p, sum, input) sum += (input)
#define RESULT(p, sum, count) (sum)
#include "tq_reduce_template.h"

#define KERNEL tq_mean_axes_f32
#define PARAMS tq_reduce_params
#define ELEMENT float
#define SUM float
#define FIRST 0.0f
#define ADD(p, sum, input) sum += (input)
#define RESULT(p, sum, count) ((sum) / (float)(count))
#include "tq_reduce_template.h"

#define SCALED(p, sum, low, high) \
  tq_clamp(tq_scale(sum, (p)->multiplier, (p)->shift) + (p)->output_offset, low, high)

#define KERNEL tq_sum_s8
#define PARAMS tq_sum_s8_params
#define ELEMENT int8_t
#define SUM int32_t
#define FIRST 0
#define ADD(p, sum, input) sum += (input) + (p)->input_offset
#define RESULT(p, sum, count) (int8_t) SCALED(p, sum, INT8_MIN, INT8_MAX)
#include "tq_reduce_template.h"

#define KERNEL tq_sum_s16
#define PARAMS tq_sum_s16_params
#define ELEMENT int16_t
#define SUM int32_t
#define FIRST 0
#define ADD(p, sum, input) sum += (input) + (p)->input_offset
#define RESULT(p, sum, count) (int16_t) SCALED(p, sum, INT16_MIN, INT16_MAX)
#include "tq_reduce_template.h"
