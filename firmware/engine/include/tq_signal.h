/* What the kernels for sound have in common. */
#ifndef TQ_SIGNAL_H
#define TQ_SIGNAL_H

#include <stdint.h>

/* How many bits a number needs: 0 for 0, 32 for the largest. */
static inline int32_t tq_signal_bits(uint32_t value) {
  return value == 0 ? 0 : 32 - __builtin_clz(value);
}

#endif /* TQ_SIGNAL_H */
