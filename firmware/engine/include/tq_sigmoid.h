/* LOGISTIC and TANH of one number, shared by the operators of that name and LSTM. */
#ifndef TQ_SIGMOID_H
#define TQ_SIGMOID_H

#include <math.h>
#include <stdint.h>

#include "tq_tables.h"

/* Outside these limits 1 / (1 + exp(-x)) is 1, and exp(x), to within float32. */
#define TQ_LOGISTIC_ONE_ABOVE 16.619047164916992188f
#define TQ_LOGISTIC_EXP_BELOW -9.0f

static inline float tq_logistic_of_f32(float value) {
  if (value > TQ_LOGISTIC_ONE_ABOVE) {
    return 1.0f;
  }
  if (value < TQ_LOGISTIC_EXP_BELOW) {
    return expf(value);
  }
  return 1.0f / (1.0f + expf(-value));
}

/* sigmoid(i / 24) with `bits` more bits of interpolation; `saturated` beyond the table. */
static inline int32_t tq_sigmoid_lookup(uint32_t magnitude, int32_t bits, int32_t saturated) {
  const uint32_t index = magnitude >> bits;
  if (index >= 255) {
    return saturated;
  }
  const uint32_t low = tq_sigmoid_table_s16[index];
  const uint32_t high = tq_sigmoid_table_s16[index + 1];
  const uint32_t fraction = magnitude & ((UINT32_C(1) << bits) - 1);
  return (int32_t)((low << bits) + fraction * (high - low));
}

static inline uint32_t tq_magnitude(int32_t value) {
  return value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
}

/* Q0.15; the argument in units of 1 / (24 * 2^9). */
static inline int16_t tq_logistic_of_s16(int32_t argument) {
  const int32_t sigmoid = tq_sigmoid_lookup(tq_magnitude(argument), 9, 0x7fff << 10);
  const int32_t result = argument >= 0 ? sigmoid : (1 << 25) - 1 - sigmoid;
  return (int16_t)((result + (1 << 9)) >> 10);
}

/* Q0.15; tanh(x) = 2 * sigmoid(2 * x) - 1; the argument in units of 1 / (48 * 2^8). */
static inline int16_t tq_tanh_of_s16(int32_t argument) {
  const int32_t sigmoid = tq_sigmoid_lookup(tq_magnitude(argument), 8, 0xffff << 8);
  const int32_t result = argument >= 0 ? sigmoid - (1 << 23) : (1 << 23) - 1 - sigmoid;
  return (int16_t)((result + (1 << 7)) >> 8);
}

/* value * multiplier / 2^right_shift, ties upward: how the arguments above are made. */
static inline int32_t tq_sigmoid_argument(int32_t value, int32_t multiplier, int32_t right_shift) {
  const int32_t half = right_shift > 0 ? 1 << (right_shift - 1) : 0;
  return (value * multiplier + half) >> right_shift;
}

#endif /* TQ_SIGMOID_H */
