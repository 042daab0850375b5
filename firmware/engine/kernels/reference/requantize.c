/* QUANTIZE between integer types, and RELU and RELU6 on integer tensors */
#include "tq_reference.h"

#include "tq_fixed_point.h"

/* The output for an input, before it takes the output's type. */
#define REQUANTIZED(p, input)                                                                  \
  tq_clamp(                                                                                    \
      tq_scale((input) + (p)->input_offset, (p)->multiplier, (p)->shift) + (p)->output_offset, \
      (p)->activation_min, (p)->activation_max)

#define KERNEL tq_requantize_s8_s8
#define PARAMS tq_requantize_s8_s8_params
#define RESULT(p, input) (int8_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s8_s16
#define PARAMS tq_requantize_s8_s16_params
#define RESULT(p, input) (int16_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s16_s8
#define PARAMS tq_requantize_s16_s8_params
#define RESULT(p, input) (int8_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s16_s16
#define PARAMS tq_requantize_s16_s16_params
#define RESULT(p, input) (int16_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_u8_s8
#define PARAMS tq_requantize_u8_s8_params
#define RESULT(p, input) (int8_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s8_u8
#define PARAMS tq_requantize_s8_u8_params
#define RESULT(p, input) (uint8_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s8_s32
#define PARAMS tq_requantize_s8_s32_params
#define RESULT(p, input) (int32_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s16_s32
#define PARAMS tq_requantize_s16_s32_params
#define RESULT(p, input) (int32_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s32_s8
#define PARAMS tq_requantize_s32_s8_params
#define RESULT(p, input) (int8_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_requantize_s32_s16
#define PARAMS tq_requantize_s32_s16_params
#define RESULT(p, input) (int16_t) REQUANTIZED(p, input)
#include "tq_unary_template.h"
