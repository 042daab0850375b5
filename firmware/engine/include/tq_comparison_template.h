/*
 * The kernels of one comparison: a template, included once per operator after the definition of
 *
 *   KERNEL_F32, KERNEL_S32, KERNEL_S64, KERNEL_S8   their names
 *   COMPARE                                         C's operator
 */
#define KERNEL KERNEL_F32
#define PARAMS tq_pair_params
#define ELEMENT float
#define OUTPUT uint8_t
#define FINISH(p, a, b, output) *output++ = (a)COMPARE(b)
#include "tq_binary_template.h"

#define KERNEL KERNEL_S32
#define PARAMS tq_pair_params
#define ELEMENT int32_t
#define OUTPUT uint8_t
#define FINISH(p, a, b, output) *output++ = (a)COMPARE(b)
#include "tq_binary_template.h"

#define KERNEL KERNEL_S64
#define PARAMS tq_pair_params
#define ELEMENT int64_t
#define OUTPUT uint8_t
#define FINISH(p, a, b, output) *output++ = (a)COMPARE(b)
#include "tq_binary_template.h"

#define KERNEL KERNEL_S8
#define PARAMS tq_comparison_s8_params
#define ELEMENT int8_t
#define OUTPUT uint8_t
#define FINISH(p, a, b, output)                                                                   \
  const int32_t scaled1 =                                                                         \
      tq_scale(((a) + (p)->input1_offset) * (1 << 8), (p)->input1_multiplier, (p)->input1_shift); \
  const int32_t scaled2 =                                                                         \
      tq_scale(((b) + (p)->input2_offset) * (1 << 8), (p)->input2_multiplier, (p)->input2_shift); \
  *output++ = scaled1 COMPARE scaled2
#include "tq_binary_template.h"

#undef KERNEL_F32
#undef KERNEL_S32
#undef KERNEL_S64
#undef KERNEL_S8
#undef COMPARE
