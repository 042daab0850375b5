/* DEQUANTIZE */
#include "tq_reference.h"

/*
 * The difference has at most 17 bits and the scale 24, so one float32 product rounds once, like
 * TensorFlow Lite Micro's product in double followed by the conversion to float32.
 */
#define DEQUANTIZED(p, input) ((p)->scale * (float)((input) - (p)->zero_point))

#define KERNEL tq_dequantize_s8_f32
#define PARAMS tq_dequantize_s8_f32_params
#define RESULT(p, input) DEQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_dequantize_s16_f32
#define PARAMS tq_dequantize_s16_f32_params
#define RESULT(p, input) DEQUANTIZED(p, input)
#include "tq_unary_template.h"

#define KERNEL tq_dequantize_u8_f32
#define PARAMS tq_dequantize_u8_f32_params
#define RESULT(p, input) DEQUANTIZED(p, input)
#include "tq_unary_template.h"
