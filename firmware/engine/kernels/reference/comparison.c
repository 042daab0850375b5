/* EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS and LESS_EQUAL */
#include "tq_reference.h"

#include "tq_fixed_point.h"
#include "tq_iteration.h"

#define KERNEL_F32 tq_equal_f32
#define KERNEL_S32 tq_equal_s32
#define KERNEL_S64 tq_equal_s64
#define KERNEL_S8 tq_equal_s8
#define COMPARE ==
#include "tq_comparison_template.h"

#define KERNEL_F32 tq_not_equal_f32
#define KERNEL_S32 tq_not_equal_s32
#define KERNEL_S64 tq_not_equal_s64
#define KERNEL_S8 tq_not_equal_s8
#define COMPARE !=
#include "tq_comparison_template.h"

#define KERNEL_F32 tq_greater_f32
#define KERNEL_S32 tq_greater_s32
#define KERNEL_S64 tq_greater_s64
#define KERNEL_S8 tq_greater_s8
#define COMPARE >
#include "tq_comparison_template.h"

#define KERNEL_F32 tq_greater_equal_f32
#define KERNEL_S32 tq_greater_equal_s32
#define KERNEL_S64 tq_greater_equal_s64
#define KERNEL_S8 tq_greater_equal_s8
#define COMPARE >=
#include "tq_comparison_template.h"

#define KERNEL_F32 tq_less_f32
#define KERNEL_S32 tq_less_s32
#define KERNEL_S64 tq_less_s64
#define KERNEL_S8 tq_less_s8
#define COMPARE <
#include "tq_comparison_template.h"

#define KERNEL_F32 tq_less_equal_f32
#define KERNEL_S32 tq_less_equal_s32
#define KERNEL_S64 tq_less_equal_s64
#define KERNEL_S8 tq_less_equal_s8
#define COMPARE <=
#include "tq_comparison_template.h"

#define KERNEL tq_equal_b8
#define PARAMS tq_pair_params
#define ELEMENT uint8_t
#define FINISH(p, a, b, output) *output++ = (a) == (b)
#include "tq_binary_template.h"

#define KERNEL tq_not_equal_b8
#define PARAMS tq_pair_params
#define ELEMENT uint8_t
#define FINISH(p, a, b, output) *output++ = (a) != (b)
#include "tq_binary_template.h"
