/* CONV_2D in groups: the channels are divided, and every filter sees one part */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL tq_grouped_conv_2d_f32
#define PARAMS tq_grouped_conv_2d_f32_params
#include "tq_arithmetic_f32.h"
#include "tq_grouped_conv_2d_template.h"

#define KERNEL tq_grouped_conv_2d_s8
#define PARAMS tq_grouped_conv_2d_s8_params
#include "tq_arithmetic_s8.h"
#include "tq_grouped_conv_2d_template.h"

#define KERNEL tq_grouped_conv_2d_s16
#define PARAMS tq_grouped_conv_2d_s16_params
#include "tq_arithmetic_s16.h"
#include "tq_grouped_conv_2d_template.h"
