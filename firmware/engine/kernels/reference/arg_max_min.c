/* ARG_MAX and ARG_MIN */
#include "tq_reference.h"

#define KERNEL tq_arg_max_f32
#define ELEMENT float
#define BETTER >
#include "tq_arg_template.h"

#define KERNEL tq_arg_max_s8
#define ELEMENT int8_t
#define BETTER >
#include "tq_arg_template.h"

#define KERNEL tq_arg_min_f32
#define ELEMENT float
#define BETTER <
#include "tq_arg_template.h"

#define KERNEL tq_arg_min_s8
#define ELEMENT int8_t
#define BETTER <
#include "tq_arg_template.h"
