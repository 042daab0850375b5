/*
 * Fixed-point arithmetic that rounds as TensorFlow Lite Micro does (double rounding).
 *
 * Right shifts of negative numbers are arithmetic, as in every compiler this engine supports.
 */
#ifndef TQ_FIXED_POINT_H
#define TQ_FIXED_POINT_H

#include <stdint.h>

static inline int32_t tq_clamp(int32_t value, int32_t low, int32_t high) {
  if (value < low) {
    return low;
  }
  return value > high ? high : value;
}

/* NaN passes. */
static inline float tq_clamp_f32(float value, float low, float high) {
  if (value < low) {
    return low;
  }
  return value > high ? high : value;
}

/* a + b modulo 2^32. */
static inline int32_t tq_add_wrapping(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

/* a * b / 2^31, ties upward; not defined for a = b = INT32_MIN. */
static inline int32_t tq_multiply_high(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* value / 2^exponent, ties away from zero; exponent in [0, 31]. */
static inline int32_t tq_divide_by_power_of_two(int32_t value, int32_t exponent) {
  const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1);
  const int32_t remainder = value & mask;
  const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + (remainder > threshold ? 1 : 0);
}

/* value * multiplier * 2^(shift - 31), rounded twice: after the product and after the shift. */
static inline int32_t tq_scale(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  const int32_t shifted = (int32_t)((uint32_t)value << left);
  return tq_divide_by_power_of_two(tq_multiply_high(shifted, multiplier), right);
}

/* accumulator * multiplier / 2^right_shift, ties upward; |accumulator| < 2^47. */
static inline int32_t tq_scale_64(int64_t accumulator, int16_t multiplier, int32_t right_shift) {
  return (int32_t)((accumulator * multiplier + (INT64_C(1) << (right_shift - 1))) >> right_shift);
}

/* value * 2^exponent, saturating. */
static inline int32_t tq_shift_left_saturating(int32_t value, int32_t exponent) {
  const int32_t threshold = (INT32_C(1) << (31 - exponent)) - 1;
  if (value > threshold) {
    return INT32_MAX;
  }
  return value < -threshold ? INT32_MIN : value * (INT32_C(1) << exponent);
}

/* Linear interpolation in a table of 513 entries over the int16 range. */
static inline int16_t tq_interpolate_s16(const int16_t *table, int32_t value) {
  const int16_t *entry = &table[256 + (value >> 7)];
  const int32_t slope = entry[1] - entry[0];
  return (int16_t)(entry[0] + ((slope * (value & 0x7f) + 64) >> 7));
}

#endif /* TQ_FIXED_POINT_H */
