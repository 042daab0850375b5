#include <stdint.h>

#include "tq_app.h"
#include "tq_board.h"

#define PAINT 0xC5C5C5C5u

/* Words below the own frame that stay unpainted: a compiler may use them at any moment. */
enum { MARGIN_WORDS = 4 };

/* Volatile: a call to memset would have its own frame painted over. */
__attribute__((noinline)) void tq_stack_paint(void) {
  volatile uint32_t *end = (uint32_t *)__builtin_frame_address(0) - MARGIN_WORDS;
  for (volatile uint32_t *word = tq_stack_limit; word < end; word++) {
    *word = PAINT;
  }
}

uint32_t tq_stack_used(void) {
  const uint32_t *word = tq_stack_limit;
  while (word < tq_stack_top && *word == PAINT) {
    word++;
  }
  return (uint32_t)(tq_stack_top - word) * (uint32_t)sizeof *word;
}

uint32_t tq_stack_reserved(void) {
  return (uint32_t)(tq_stack_top - tq_stack_limit) * (uint32_t)sizeof *tq_stack_limit;
}
