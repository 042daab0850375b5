/* Activation limits other than those that saturation gives, applied to a finished tensor. */
#ifndef TQ_DSP_CLAMP_H
#define TQ_DSP_CLAMP_H

#include <stdint.h>

#include "tq_fixed_point.h"

static inline void tq_clamp_all_s8(int8_t *values, int32_t count, int32_t low, int32_t high) {
  if (low <= INT8_MIN && high >= INT8_MAX) {
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    values[i] = (int8_t)tq_clamp(values[i], low, high);
  }
}

/* The range of int16, and that without negative numbers, are what the inner loops give. */
static inline void tq_clamp_all_s16(int16_t *values, int32_t count, int32_t low, int32_t high) {
  if ((low <= INT16_MIN || low == 0) && high >= INT16_MAX) {
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    values[i] = (int16_t)tq_clamp(values[i], low, high);
  }
}

#endif /* TQ_DSP_CLAMP_H */
