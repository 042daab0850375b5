#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tq_app.h"

enum { GUARD_BYTES = 16, GUARD_PATTERN = 0xA7 };

/* The linker script puts them right before and right after the arena. */
/* Alignment 1: no gap may hide a write between arena and guard. */
static uint8_t tq_guard_low[GUARD_BYTES]
    __attribute__((section(".bss.tq_guard_low"), aligned(16), used));
static uint8_t tq_guard_high[GUARD_BYTES]
    __attribute__((section(".bss.tq_guard_high"), aligned(1), used));

void tq_guard_fill(void) {
  memset(tq_guard_low, GUARD_PATTERN, GUARD_BYTES);
  memset(tq_guard_high, GUARD_PATTERN, GUARD_BYTES);
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
