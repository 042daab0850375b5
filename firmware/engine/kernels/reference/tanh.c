/* TANH */
#include "tq_reference.h"

#include <math.h>

#include "tq_sigmoid.h"

#define KERNEL tq_tanh_f32
#define PARAMS tq_unary_f32_params
#define RESULT(p, input) tanhf(input)
#include "tq_unary_template.h"

#define KERNEL tq_tanh_s8
#define PARAMS tq_table_s8_params
#define RESULT(p, input) (p)->table[(input) + 128]
#include "tq_unary_template.h"

#define KERNEL tq_tanh_s16
#define PARAMS tq_sigmoid_s16_params
#define RESULT(p, input) \
  tq_tanh_of_s16(tq_sigmoid_argument(input, (p)->multiplier, (p)->right_shift))
#include "tq_unary_template.h"
