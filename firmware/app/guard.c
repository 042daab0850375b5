#include <stddef.h>
#include <stdint.h>

#include "tq_app.h"

enum { GUARD_BYTES = 16, GUARD_PATTERN = 0xA7 };

/* The linker script puts them right before and right after the arena. */
/* Alignment 1: no gap may hide a write between arena and guard. */
static uint8_t tq_guard_low[GUARD_BYTES]
    __attribute__((section(".bss.tq_guard_low"), aligned(16), used));
static uint8_t tq_guard_high[GUARD_BYTES]
    __attribute__((section(".bss.tq_guard_high"), aligned(1), used));

/* Volatile: GCC would store words, and the upper guard begins where the arena ends, anywhere. */
void tq_guard_fill(void) {
  volatile uint8_t *low = tq_guard_low, *high = tq_guard_high;
  for (int i = 0; i < GUARD_BYTES; i++) {
    low[i] = GUARD_PATTERN;
    high[i] = GUARD_PATTERN;
  }
}

const char *tq_guard_damaged(void) {
  for (int i = 0; i < GUARD_BYTES; i++) {
    if (tq_guard_low[i] != GUARD_PATTERN) {
      return "tq_guard_low";
    }
    if (tq_guard_high[i] != GUARD_PATTERN) {
      return "tq_guard_high";
    }
  }
  return NULL;
}
