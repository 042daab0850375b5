/* MEAN on int8, four values of the inner axis at a time */
#include "tq_kernels_dsp_dense.h"

#include "tq_dsp_arithmetic.h"
#include "tq_fixed_point.h"

/* At most 256 values of at least -128: a sum fits a halfword. */
static inline int8_t finish(const tq_mean_s8_params *p, int32_t sum) {
  const int32_t total = sum + p->reduced * p->input_offset;
  const int32_t mean = tq_scale(total, p->multiplier, p->shift) + p->output_offset;
  return (int8_t)__ssat(mean, 8);
}

void tq_mean_s8_dsp(const void *params) {
  const tq_mean_s8_params *p = params;
  int8_t *output = p->output;
  const int8_t *block = p->input;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t inner = 0; inner < p->inner; inner += 4) {
      const int8_t *input = block + inner;
      int16x2_t even = 0;
      int16x2_t odd = 0;
      for (int32_t left = p->reduced; left > 0; --left) {
        const uint32_t bytes = *(const uint32_t *)input;
        even = __sadd16(even, __sxtb16(bytes));
        odd = __sadd16(odd, tq_sxtb16_odd(bytes));
        input += p->inner;
      }
      *output++ = finish(p, (int16_t)even);
      *output++ = finish(p, (int16_t)odd);
      *output++ = finish(p, even >> 16);
      *output++ = finish(p, odd >> 16);
    }
    block += p->reduced * p->inner;
  }
}
