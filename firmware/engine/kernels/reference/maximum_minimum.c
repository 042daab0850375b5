/* MAXIMUM and MINIMUM */
#include "tq_reference.h"

#include "tq_iteration.h"

#define KERNEL tq_maximum_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) *output++ = (a) > (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_maximum_s8
#define PARAMS tq_pair_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) *output++ = (a) > (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_maximum_s16
#define PARAMS tq_pair_params
#define ELEMENT int16_t
#define FINISH(p, a, b, output) *output++ = (a) > (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_maximum_s32
#define PARAMS tq_pair_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output) *output++ = (a) > (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_maximum_s64
#define PARAMS tq_pair_params
#define ELEMENT int64_t
#define FINISH(p, a, b, output) *output++ = (a) > (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_minimum_f32
#define PARAMS tq_pair_params
#define ELEMENT float
#define FINISH(p, a, b, output) *output++ = (a) < (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_minimum_s8
#define PARAMS tq_pair_params
#define ELEMENT int8_t
#define FINISH(p, a, b, output) *output++ = (a) < (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_minimum_s16
#define PARAMS tq_pair_params
#define ELEMENT int16_t
#define FINISH(p, a, b, output) *output++ = (a) < (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_minimum_s32
#define PARAMS tq_pair_params
#define ELEMENT int32_t
#define FINISH(p, a, b, output) *output++ = (a) < (b) ? (a) : (b)
#include "tq_binary_template.h"

#define KERNEL tq_minimum_s64
#define PARAMS tq_pair_params
#define ELEMENT int64_t
#define FINISH(p, a, b, output) *output++ = (a) < (b) ? (a) : (b)
#include "tq_binary_template.h"
