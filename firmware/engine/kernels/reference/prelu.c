/* PRELU */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL tq_prelu_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) *output++ = (a) >= 0.0f ? (a) : (a) * (b)
#include "tq_binary_template.h"

#define KERNEL tq_prelu_s8
#define PARAMS tq_prelu_s8_params
#define ELEMENT int8_t
#define LOW INT8_MIN
#define HIGH INT8_MAX
#include "tq_prelu_template.h"

#define KERNEL tq_prelu_s16
#define PARAMS tq_prelu_s16_params
#define ELEMENT int16_t
#define LOW INT16_MIN
#define HIGH INT16_MAX
#include "tq_prelu_template.h"
