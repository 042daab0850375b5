/* ADD on int8, four elements per word */
#include "tq_kernels_dsp_dense.h"

#include "tq_dsp_arithmetic.h"
#include "tq_dsp_clamp.h"

/*
 * Both inputs in 2^21ths of the coarser scale, twice what the reference kernel's sum is: the
 * coarser one exactly, as its factor is 1/2; the finer one rounded at 2^20ths, as there.
 */
static inline int32_t coarse(const tq_add_s8_dsp_params *p, int32_t value) {
  return p->base + value * (1 << 20);
}

/*
 * `right_shift` >= 1. The quotient's ties are rounded away from zero: of negative numbers one less
 * than a half is added. Where the product rounds to 0, that makes no difference.
 */
static inline int32_t scale(int32_t value, int32_t multiplier, int32_t rounding,
                            int32_t right_shift) {
  return (tq_smmlar(value, multiplier, rounding) + (value >> 31)) >> right_shift;
}

static inline int32_t finish(const tq_add_s8_dsp_params *p, int32_t sum) {
  return __ssat(scale(sum, p->multiplier, p->rounding, p->right_shift), 8);
}

static inline int32_t add_finer(const tq_add_s8_dsp_params *p, int32_t a, int32_t b) {
  const int32_t finer = b * (1 << 21) + p->finer_base;
  const int32_t scaled = scale(finer, p->finer_multiplier, p->finer_rounding, p->finer_right_shift);
  return finish(p, coarse(p, a) + 2 * scaled);
}

/* The base is that of both. */
static inline int32_t add_equal(const tq_add_s8_dsp_params *p, int32_t a, int32_t b) {
  return finish(p, coarse(p, a) + b * (1 << 20));
}

typedef int32_t (*add)(const tq_add_s8_dsp_params *p, int32_t a, int32_t b);

static inline uint32_t add_byte(const tq_add_s8_dsp_params *p, add add, uint32_t a, uint32_t b,
                                int32_t shift) {
  const int32_t sum = add(p, (int8_t)(a >> shift), (int8_t)(b >> shift));
  return (uint32_t)(uint8_t)sum << shift;
}

static inline __attribute__((always_inline)) void add_all(const tq_add_s8_dsp_params *params,
                                                          add add) {
  /* A copy, which writes to the output cannot change. */
  const tq_add_s8_dsp_params local = *params, *p = &local;
  const uint32_t *coarser = (const uint32_t *)(const void *)p->coarser;
  const uint32_t *finer = (const uint32_t *)(const void *)p->finer;
  uint32_t *output = (uint32_t *)(void *)p->output;
  for (int32_t left = p->count / 4; left > 0; --left) {
    const uint32_t a = *coarser++;
    const uint32_t b = *finer++;
    *output++ = add_byte(p, add, a, b, 0) | add_byte(p, add, a, b, 8) | add_byte(p, add, a, b, 16) |
                add_byte(p, add, a, b, 24);
  }
  for (int32_t i = p->count / 4 * 4; i < p->count; ++i) {
    p->output[i] = (int8_t)add(p, p->coarser[i], p->finer[i]);
  }
  tq_clamp_all_s8(p->output, p->count, p->activation_min, p->activation_max);
}

void tq_add_s8_dsp(const void *params) { add_all(params, add_finer); }

void tq_add_equal_s8_dsp(const void *params) { add_all(params, add_equal); }
