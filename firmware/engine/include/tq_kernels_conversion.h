/* QUANTIZE and DEQUANTIZE. */
#ifndef TQ_KERNELS_CONVERSION_H
#define TQ_KERNELS_CONVERSION_H

#include <stdint.h>

#include "tq_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fields of the parameters of conversions from and to float32. */
#define TQ_QUANTIZE_FIELDS(input_type, output_type) \
  const input_type *input;                          \
  output_type *output;                              \
  int32_t count;                                    \
  float scale;                                      \
  int32_t zero_point

/* May run in place: the output is narrower than the input. */
typedef struct tq_quantize_f32_s8_params {
  TQ_QUANTIZE_FIELDS(float, int8_t);
} tq_quantize_f32_s8_params;

TQ_KERNEL void tq_quantize_f32_s8(const void *params);

typedef struct tq_quantize_f32_s16_params {
  TQ_QUANTIZE_FIELDS(float, int16_t);
} tq_quantize_f32_s16_params;

TQ_KERNEL void tq_quantize_f32_s16(const void *params);

typedef struct tq_dequantize_s8_f32_params {
  TQ_QUANTIZE_FIELDS(int8_t, float);
} tq_dequantize_s8_f32_params;

TQ_KERNEL void tq_dequantize_s8_f32(const void *params);

typedef struct tq_dequantize_s16_f32_params {
  TQ_QUANTIZE_FIELDS(int16_t, float);
} tq_dequantize_s16_f32_params;

TQ_KERNEL void tq_dequantize_s16_f32(const void *params);

/*
 * output = clamp(scaled(input + input_offset) + output_offset), factor = input_scale/output_scale.
 * QUANTIZE between integer types uses the output type's whole range as limits; RELU and RELU6 on
 * integer tensors are the same computation with the activation's limits. All but s8_s16 may run in
 * place.
 */
#define TQ_REQUANTIZE_FIELDS(input_type, output_type) \
  const input_type *input;                            \
  output_type *output;                                \
  int32_t count;                                      \
  int32_t multiplier;                                 \
  int32_t shift;                                      \
  int32_t input_offset;                               \
  int32_t output_offset;                              \
  int32_t activation_min;                             \
  int32_t activation_max

typedef struct tq_requantize_s8_s8_params {
  TQ_REQUANTIZE_FIELDS(int8_t, int8_t);
} tq_requantize_s8_s8_params;

TQ_KERNEL void tq_requantize_s8_s8(const void *params);

typedef struct tq_requantize_s16_s16_params {
  TQ_REQUANTIZE_FIELDS(int16_t, int16_t);
} tq_requantize_s16_s16_params;

TQ_KERNEL void tq_requantize_s16_s16(const void *params);

typedef struct tq_requantize_s8_s16_params {
  TQ_REQUANTIZE_FIELDS(int8_t, int16_t);
} tq_requantize_s8_s16_params;

TQ_KERNEL void tq_requantize_s8_s16(const void *params);

typedef struct tq_requantize_s16_s8_params {
  TQ_REQUANTIZE_FIELDS(int16_t, int8_t);
} tq_requantize_s16_s8_params;

TQ_KERNEL void tq_requantize_s16_s8(const void *params);

/* The same of uint8 and int32; int32 results have no limits. */
typedef struct tq_requantize_u8_s8_params {
  TQ_REQUANTIZE_FIELDS(uint8_t, int8_t);
} tq_requantize_u8_s8_params;

TQ_KERNEL void tq_requantize_u8_s8(const void *params);

typedef struct tq_requantize_s8_u8_params {
  TQ_REQUANTIZE_FIELDS(int8_t, uint8_t);
} tq_requantize_s8_u8_params;

TQ_KERNEL void tq_requantize_s8_u8(const void *params);

typedef struct tq_requantize_s8_s32_params {
  TQ_REQUANTIZE_FIELDS(int8_t, int32_t);
} tq_requantize_s8_s32_params;

TQ_KERNEL void tq_requantize_s8_s32(const void *params);

typedef struct tq_requantize_s16_s32_params {
  TQ_REQUANTIZE_FIELDS(int16_t, int32_t);
} tq_requantize_s16_s32_params;

TQ_KERNEL void tq_requantize_s16_s32(const void *params);

typedef struct tq_requantize_s32_s8_params {
  TQ_REQUANTIZE_FIELDS(int32_t, int8_t);
} tq_requantize_s32_s8_params;

TQ_KERNEL void tq_requantize_s32_s8(const void *params);

typedef struct tq_requantize_s32_s16_params {
  TQ_REQUANTIZE_FIELDS(int32_t, int16_t);
} tq_requantize_s32_s16_params;

TQ_KERNEL void tq_requantize_s32_s16(const void *params);

typedef struct tq_dequantize_u8_f32_params {
  TQ_QUANTIZE_FIELDS(uint8_t, float);
} tq_dequantize_u8_f32_params;

TQ_KERNEL void tq_dequantize_u8_f32(const void *params);

#ifdef __cplusplus
}
#endif

#endif /* TQ_KERNELS_CONVERSION_H */
