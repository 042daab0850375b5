/* Counts that do not fit a 32-bit counter. */
#ifndef TQ_WIDE_COUNT_H
#define TQ_WIDE_COUNT_H

#include <stdint.h>

/*
 * Returns the count of which `fast` are the lower 32 bits, and `slow` is the whole from a slower
 * timer, right to within 2^31.
 */
static inline uint64_t tq_wide_count(uint32_t fast, uint64_t slow) {
  uint64_t wraps = (slow + (UINT64_C(1) << 31) - fast) >> 32;
  return wraps << 32 | fast;
}

#endif /* TQ_WIDE_COUNT_H */
