/*
 * The console through the debugger: a buffer in RAM that is emptied at a hardware breakpoint. The
 * chip needs no UART, clock or pin for it, and the probe touches no bus while code is measured.
 *
 * The debugger has its breakpoint on one of two functions that are called in turn: a core cannot be
 * resumed from a place with a breakpoint without a step, so the breakpoint moves to the other one.
 */
#include <stdint.h>

#include "tq_board.h"

enum { MAILBOX_BYTES = 256 };

typedef struct tq_mailbox_buffer {
  uint32_t used;
  char text[MAILBOX_BYTES];
} tq_mailbox_buffer;

/*
 * The debugger knows these by name. It sets whose turn it is before a run; a firmware that resets
 * itself goes on with the turn that the debugger waits for.
 */
tq_mailbox_buffer tq_mailbox;
uint32_t tq_mailbox_turn __attribute__((section(".noinit.tq_mailbox_turn")));
void tq_mailbox_full_0(void);
void tq_mailbox_full_1(void);

/* Two instructions, so that the two functions are two. */
__attribute__((noinline)) void tq_mailbox_full_0(void) { __asm volatile("nop" ::: "memory"); }
__attribute__((noinline)) void tq_mailbox_full_1(void) {
  __asm volatile("mov r8, r8" ::: "memory");
}

static void empty(void) {
  tq_mailbox_turn ^= 1u;
  if (tq_mailbox_turn != 0) {
    tq_mailbox_full_0();
  } else {
    tq_mailbox_full_1();
  }
  tq_mailbox.used = 0;
}

void tq_board_put(char character) {
  tq_mailbox.text[tq_mailbox.used++] = character;
  if (character == '\n' || tq_mailbox.used == MAILBOX_BYTES) {
    empty();
  }
}
