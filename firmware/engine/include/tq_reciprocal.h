/* Reciprocals, inverse square roots and logarithms in fixed point, as TensorFlow Lite Micro's. */
#ifndef TQ_RECIPROCAL_H
#define TQ_RECIPROCAL_H

#include <stdint.h>

#include "tq_fixed_point.h"

/*
 * 1 / (1 + x) in Q0.31 for x in [0, 1) in Q0.31: three Newton-Raphson steps for the reciprocal of
 * (1 + x) / 2 from the linear estimate 48/17 - 32/17 d, all in Q2.29.
 */
static inline int32_t tq_one_over_one_plus_x(int32_t x) {
  const int32_t estimate = 1515870810; /* 48 / 17 */
  const int32_t slope = -1010580540;   /* -32 / 17 */
  const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
  int32_t reciprocal = estimate + tq_multiply_high(half_denominator, slope);
  for (int32_t step = 0; step < 3; ++step) {
    const int32_t error = (1 << 29) - tq_multiply_high(half_denominator, reciprocal);
    reciprocal += tq_shift_left_saturating(tq_multiply_high(reciprocal, error), 2);
  }
  return tq_shift_left_saturating(reciprocal, 1);
}

/* A positive factor as multiplier * 2^(shift - 31). */
typedef struct tq_factor {
  int32_t multiplier;
  int32_t shift;
} tq_factor;

/*
 * 1 / sqrt(value) for value >= 0, where 0 counts as 1: five Newton-Raphson steps from 1 in Q3.28
 * for a value that is shifted by pairs of bits into [2^27, 2^29).
 */
static inline tq_factor tq_inverse_sqrt(int32_t value) {
  tq_factor factor = {INT32_MAX, 0};
  if (value <= 1) {
    return factor;
  }
  int32_t right_shift = 11;
  while (value >= 1 << 29) {
    value /= 4;
    ++right_shift;
  }
  const int32_t pairs = (__builtin_clz((uint32_t)value) - 1) / 2 - 1;
  right_shift -= pairs;
  value <<= 2 * pairs;
  const int32_t half = tq_divide_by_power_of_two(value >> 1, 1);
  const int32_t three_halves = (1 << 28) + (1 << 27);
  int32_t x = 1 << 28;
  for (int32_t step = 0; step < 5; ++step) {
    const int32_t square = tq_multiply_high(x, x);
    const int32_t cube = tq_shift_left_saturating(tq_multiply_high(square, x), 6);
    const int32_t next = tq_multiply_high(three_halves, x) - tq_multiply_high(half, cube);
    x = tq_shift_left_saturating(next, 3);
  }
  x = tq_multiply_high(x, 1518500250); /* sqrt(1/2) */
  if (right_shift < 0) {
    x <<= -right_shift;
    right_shift = 0;
  }
  factor.multiplier = x;
  factor.shift = -right_shift;
  return factor;
}

#endif /* TQ_RECIPROCAL_H */
