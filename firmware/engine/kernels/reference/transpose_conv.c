/* TRANSPOSE_CONV, gathering: an output sums what the inputs under the filter add to it. */
#include "tq_reference.h"

#include <stddef.h>

#include "tq_fixed_point.h"
#include "tq_iteration.h"

/* Inputs [begin, end) that reach output position `position` - pad = `origin`. */
static inline tq_range contributors(int32_t origin, int32_t filter, int32_t stride,
                                    int32_t inputs) {
  const int32_t before = origin - filter + 1;
  tq_range range = {before > 0 ? (before + stride - 1) / stride : 0, origin / stride + 1};
  range.end = range.end < inputs ? range.end : inputs;
  return range;
}

#define KERNEL tq_transpose_conv_f32
#define PARAMS tq_transpose_conv_f32_params
#include "tq_arithmetic_f32.h"
#include "tq_transpose_conv_template.h"

#define KERNEL tq_transpose_conv_s8
#define PARAMS tq_transpose_conv_s8_params
#include "tq_arithmetic_s8.h"
#include "tq_transpose_conv_template.h"

#define KERNEL tq_transpose_conv_s16
#define PARAMS tq_transpose_conv_s16_params
#include "tq_arithmetic_s16.h"
#include "tq_transpose_conv_template.h"
