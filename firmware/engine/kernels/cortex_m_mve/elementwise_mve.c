/* ADD and MUL on int8 and int16, four elements at a time */
#include "tq_iteration.h"
#include "tq_mve.h"

/* Bits of headroom that keep precision while the inputs are brought to one scale. */
#define LEFT_SHIFT_S8 20
#define LEFT_SHIFT_S16 15

/*
 * Run by run along the last axis, on which a stride is 1 or 0. RESULT(p, a, b) makes two vectors an
 * output, limits apart.
 */
#define PAIRS(p, element, load, store, result)                                              \
  const tq_broadcast *b = &(p)->broadcast;                                                  \
  const int32_t runs = tq_broadcast_rows(b);                                                \
  element *output = (p)->output;                                                            \
  for (int32_t run = 0; run < runs; ++run) {                                                \
    const element *input1 = (p)->input1 + tq_broadcast_offset(b->dims, b->stride1, run);    \
    const element *input2 = (p)->input2 + tq_broadcast_offset(b->dims, b->stride2, run);    \
    for (int32_t left = b->dims[3]; left > 0; left -= 4) {                                  \
      const mve_pred16_t inside = vctp32q((uint32_t)left);                                  \
      const int32x4_t first = b->stride1[3] ? load(input1, inside) : vdupq_n_s32(*input1);  \
      const int32x4_t second = b->stride2[3] ? load(input2, inside) : vdupq_n_s32(*input2); \
      const int32x4_t moved = vaddq_n_s32(result(p, first, second), (p)->output_offset);    \
      store(output, tq_mve_clamp(moved, (p)->activation_min, (p)->activation_max), inside); \
      input1 += 4 * b->stride1[3];                                                          \
      input2 += 4 * b->stride2[3];                                                          \
      output += left < 4 ? left : 4;                                                        \
    }                                                                                       \
  }

/* An input in units of the scale that both are brought to. */
#define BROUGHT(p, n, value, left_shift)                                            \
  tq_mve_scale(vshlq_n_s32(vaddq_n_s32(value, (p)->input##n##_offset), left_shift), \
               vdupq_n_s32((p)->input##n##_multiplier), vdupq_n_s32((p)->input##n##_shift))

#define SUM(p, a, b, left_shift)                                                      \
  tq_mve_scale(vaddq_s32(BROUGHT(p, 1, a, left_shift), BROUGHT(p, 2, b, left_shift)), \
               vdupq_n_s32((p)->output_multiplier), vdupq_n_s32((p)->output_shift))
#define SUM_S8(p, a, b) SUM(p, a, b, LEFT_SHIFT_S8)
#define SUM_S16(p, a, b) SUM(p, a, b, LEFT_SHIFT_S16)

#define PRODUCT(p, a, b)                                                                          \
  tq_mve_scale(vmulq_s32(vaddq_n_s32(a, (p)->input1_offset), vaddq_n_s32(b, (p)->input2_offset)), \
               vdupq_n_s32((p)->multiplier), vdupq_n_s32((p)->shift))

void tq_add_s8_mve(const void *params) {
  const tq_add_s8_params *p = params;
  PAIRS(p, int8_t, vldrbq_z_s32, vstrbq_p_s32, SUM_S8)
}

void tq_add_s16_mve(const void *params) {
  const tq_add_s16_params *p = params;
  PAIRS(p, int16_t, vldrhq_z_s32, vstrhq_p_s32, SUM_S16)
}

void tq_mul_s8_mve(const void *params) {
  const tq_mul_s8_params *p = params;
  PAIRS(p, int8_t, vldrbq_z_s32, vstrbq_p_s32, PRODUCT)
}

void tq_mul_s16_mve(const void *params) {
  const tq_mul_s16_params *p = params;
  PAIRS(p, int16_t, vldrhq_z_s32, vstrhq_p_s32, PRODUCT)
}
