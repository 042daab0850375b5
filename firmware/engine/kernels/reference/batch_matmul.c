/* BATCH_MATMUL */
#include "tq_reference.h"

#include "tq_fixed_point.h"

#define KERNEL tq_batch_matmul_f32
#define MATRIX matrix_f32
#define PARAMS tq_batch_matmul_f32_params
#define ELEMENT float
#define SUM float
#define PRODUCT(p, a, b) ((a) * (b))
#define RESULT(p, sum) (sum)
#include "tq_batch_matmul_template.h"

#define KERNEL tq_batch_matmul_s8
#define MATRIX matrix_s8
#define PARAMS tq_batch_matmul_s8_params
#define ELEMENT int8_t
#define SUM int32_t
#define PRODUCT(p, a, b) (((a) + (p)->input1_offset) * ((b) + (p)->input2_offset))
#define RESULT(p, sum)                                                                         \
  (int8_t) tq_clamp(tq_scale(sum, (p)->multiplier, (p)->shift) + (p)->output_offset, INT8_MIN, \
                    INT8_MAX)
#include "tq_batch_matmul_template.h"

#define KERNEL tq_batch_matmul_s16
#define MATRIX matrix_s16
#define PARAMS tq_batch_matmul_s16_params
#define ELEMENT int16_t
#define SUM int64_t
#define PRODUCT(p, a, b) ((int32_t)(a) * (b))
#define RESULT(p, sum) \
  (int16_t)            \
      tq_clamp(tq_scale_64(sum, (int16_t)(p)->multiplier, (p)->right_shift), INT16_MIN, INT16_MAX)
#include "tq_batch_matmul_template.h"
