/* Instructions of the DSP extension that GCC has no way to ask for in C. */
#ifndef TQ_DSP_ARITHMETIC_H
#define TQ_DSP_ARITHMETIC_H

#include <arm_acle.h>
#include <stdint.h>

/* accumulator + a * b / 2^32, the product rounded to nearest, ties upward. */
static inline int32_t tq_smmlar(int32_t a, int32_t b, int32_t accumulator) {
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(accumulator));
  return result;
}

/* a * b / 2^32, rounded to nearest, ties upward. */
static inline int32_t tq_smmulr(int32_t a, int32_t b) {
  int32_t result;
  __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}

/* value / 2, downward, saturated to int8. */
static inline int32_t tq_saturate_half_s8(int32_t value) {
  int32_t result;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(value));
  return result;
}

/* Bytes 1 and 3 of `bytes`, sign-extended to halfwords. */
static inline int16x2_t tq_sxtb16_odd(uint32_t bytes) {
  int16x2_t result;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(bytes));
  return result;
}

#endif /* TQ_DSP_ARITHMETIC_H */
