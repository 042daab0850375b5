/* LOGICAL_AND and LOGICAL_OR */
#include "tq_reference.h"

#include "tq_iteration.h"

#define KERNEL tq_logical_and
#define PARAMS tq_pair_params
#define ELEMENT uint8_t
#define FINISH(p, a, b, output) *output++ = (a) && (b)
#include "tq_binary_template.h"

#define KERNEL tq_logical_or
#define PARAMS tq_pair_params
#define ELEMENT uint8_t
#define FINISH(p, a, b, output) *output++ = (a) || (b)
#include "tq_binary_template.h"
