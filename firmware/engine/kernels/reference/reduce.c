/* REDUCE_MAX, REDUCE_MIN and REDUCE_ALL */
#include "tq_reference.h"

#include <float.h>

#define KERNEL tq_reduce_max_f32
#define PARAMS tq_reduce_params
#define ELEMENT float
#define SUM float
#define FIRST -FLT_MAX
#define ADD(p, sum, input) sum = (input) > (sum) ? (input) : (sum)
#define RESULT(p, sum, count) (sum)
#include "tq_reduce_template.h"

#define KERNEL tq_reduce_max_s8
#define PARAMS tq_reduce_params
#define ELEMENT int8_t
#define SUM int8_t
#define FIRST INT8_MIN
#define ADD(p, sum, input) sum = (input) > (sum) ? (input) : (sum)
#define RESULT(p, sum, count) (sum)
#include "tq_reduce_template.h"

#define KERNEL tq_reduce_min_f32
#define PARAMS tq_reduce_params
#define ELEMENT float
#define SUM float
#define FIRST FLT_MAX
#define ADD(p, sum, input) sum = (input) < (sum) ? (input) : (sum)
#define RESULT(p, sum, count) (sum)
#include "tq_reduce_template.h"

#define KERNEL tq_reduce_min_s8
#define PARAMS tq_reduce_params
#define ELEMENT int8_t
#define SUM int8_t
#define FIRST INT8_MAX
#define ADD(p, sum, input) sum = (input) < (sum) ? (input) : (sum)
#define RESULT(p, sum, count) (sum)
#include "tq_reduce_template.h"

#define KERNEL tq_reduce_all
#define PARAMS tq_reduce_params
#define ELEMENT uint8_t
#define SUM uint8_t
#define FIRST 1
#define ADD(p, sum, input) sum = (sum) && (input)
#define RESULT(p, sum, count) (sum)
#include "tq_reduce_template.h"
